/** `conductor check`: validates a configuration, and reports all problems at once. */

import { adviseOn, warnOfLoops } from "../config/advice.ts";
import type { AdminSettings } from "../config/config.ts";
import { describeListener } from "../config/listener_kind.ts";
import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { formatAddress } from "../server/listen_error.ts";
import type { ParsedArgs } from "./command_line.ts";
import { summarizeComparison } from "./explain_compare.ts";
import { type Io, writeWarning } from "./io.ts";
import { openConfig } from "./load_config.ts";
import { drawRoutes } from "./route_table.ts";

/** Prints a summary of a valid configuration, and returns 0. Throws a `CommandError` with all problems otherwise. */
export async function runCheck(args: ParsedArgs, io: Io): Promise<number> {
  const { config, path, warnings } = await openConfig(args);
  for (const warning of [...warnings, ...warnOfLoops(config)]) writeWarning(io, warning);
  for (const advice of adviseOn(config)) writeWarning(io, advice);
  const paint = createPaint(io.stdout.isTerminal);
  const { services, routes, admin } = config;
  const listener = describeListener(config);
  const notes = [
    ...(listener === undefined ? [] : [listener]),
    ...(admin === undefined ? [] : [describeAdmin(admin)]),
    ...summarizeComparison(config),
  ];
  io.stdout.write([
    `${paint.good("✓")} ${paint.strong(path)} is valid: ${count(services.length, "service")} on ${
      count(routes.length, "route")
    }`,
    "",
    drawRoutes(config, { paint }),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `  ${note}`)]),
    "",
  ].join("\n"));
  return 0;
}

function describeAdmin({ shownHostname: hostname, port, token }: AdminSettings): string {
  const access = token === undefined ? "reachable from this machine only" : "with a token";
  return `admin listener on ${printable(formatAddress({ hostname, port }))}, ${access}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
