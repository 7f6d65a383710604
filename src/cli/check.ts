/** `conductor check`: every problem of a configuration at once. */

import type { AdminSettings } from "../config/config.ts";
import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { formatAddress } from "../server/listen_error.ts";
import { summariseComparing } from "./explain_compare.ts";
import { openConfig } from "./config_file.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { drawRoutes } from "./route_table.ts";

/**
 * Checks a configuration and sums it up.
 *
 * @param invocation The command line.
 * @param io The outputs.
 * @returns 0; a configuration that can not be used is thrown.
 * @throws {CommandError} With every problem of the configuration.
 */
export async function runCheck(invocation: ParsedArgs, io: Io): Promise<number> {
  const { config, path } = await openConfig(invocation, io);
  const paint = createPaint(io.stdout.isTerminal);
  const { services, routes, admin } = config;
  const size = `${count(services.length, "service")} on ${count(routes.length, "route")}`;
  const beside = [
    ...(admin === undefined ? [] : [`admin listener on ${addressOf(admin)}${noteToken(admin)}`]),
    ...summariseComparing(config),
  ];
  io.stdout.write(
    `${paint.good("✓")} ${paint.strong(path)} can be served: ${size}\n\n${drawRoutes(config, { paint })}\n${
      beside.length === 0 ? "" : `\n  ${beside.join("\n  ")}\n`
    }`,
  );
  return 0;
}

function addressOf({ shownHostname: hostname, port }: AdminSettings): string {
  return printable(formatAddress({ hostname, port }));
}

function noteToken({ token }: AdminSettings): string {
  return token === undefined ? ", for this machine" : ", with a token";
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
