/** `conductor demo`: the idea in a minute, with everything inside this process. */

import { delay } from "@std/async/delay";
import { createPaint, type Paint } from "../lib/paint.ts";
import { silenceLegacyAbortNotice } from "../server/process_hooks.ts";
import { type DemoStage, openStage } from "./demo/stage.ts";
import { drawRequest, playTour } from "./demo/tour.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { drawRoutes } from "./route_table.ts";
import { createLiveTable } from "./top/live_table.ts";
import { runTop } from "./top/run_top.ts";
import { terminalSize } from "./top/terminal_size.ts";

/** Time for a person to read what has been printed. */
const PAUSE_MS = 1_500;

/**
 * Runs the demo: a tour, then a server for the reader's own requests until a signal arrives.
 *
 * @param invocation The command line.
 * @param io The outputs and signals.
 * @returns 0.
 * @throws {ListenError} Where the port can not be listened on.
 */
export async function runDemo(invocation: ParsedArgs, io: Io): Promise<number> {
  const paint = createPaint(io.stdout.isTerminal);
  const print = (line: string) => void io.stdout.write(line + "\n");
  const pause = () => io.stdout.isTerminal ? delay(PAUSE_MS) : Promise.resolve();
  silenceLegacyAbortNotice();
  const stage = await openStage(invocation.port);
  const signals = io.listenForStop();
  const stopped = signals.next();
  try {
    introduce(stage, print, paint);
    const end = await Promise.race([playTour(stage, { print, paint, pause }), stopped]);
    if (end === undefined && !invocation.switches.has("once")) {
      invite(stage, print, paint);
      await drawUntil(stopped, stage, io, paint);
    }
    return 0;
  } finally {
    signals.close();
    await stage.close();
  }
}

function introduce({ yaml, config, url }: DemoStage, print: (line: string) => void, paint: Paint): void {
  print("");
  print(`${paint.strong("conductor")}: one request in, a copy to every service, the primary's answer out`);
  print("");
  print("Three small backends run inside this process. This is the whole configuration:");
  print("");
  for (const line of yaml.trimEnd().split("\n")) print(paint.faint(line));
  print("");
  print(`and this is where a request to ${paint.accent(url)} goes:`);
  print("");
  print(drawRoutes(config, { paint, urlOf: ({ service }) => `:${new URL(service.origin).port}` }));
  print("");
}

function invite({ url, adminUrl }: DemoStage, print: (line: string) => void, paint: Paint): void {
  print(paint.strong("Your turn"));
  print("   All backends are up again. Each request that you send is drawn here:");
  print("");
  print(`   ${paint.accent(`curl -i ${url}/api/hello`)}`);
  print(`   ${paint.accent(`curl -i -d '{"item":"tea"}' ${url}/api/orders`)}`);
  print(`   ${paint.accent(`curl -i '${url}/api/hello?down=blue'`)}         # green stands in`);
  print(`   ${paint.accent(`curl -i '${url}/api/hello?down=blue,green'`)}   # nobody is left: 502`);
  print("");
  print(`   The same, live, in a browser: ${paint.accent(adminUrl)}`);
  print("");
  print("   Ctrl-C ends the demo.");
  print("");
}

/** On a terminal, with a table of what has been counted below. */
async function drawUntil(stopped: Promise<unknown>, stage: DemoStage, { stdout }: Io, paint: Paint): Promise<void> {
  const stop = stopped.then(() => undefined);
  const table = stdout.isTerminal ? createLiveTable(stdout) : undefined;
  const output = table?.above(stdout) ?? stdout;
  const endTop = table && runTop({ state: () => stage.state(), table, paint, size: terminalSize });
  try {
    while (true) {
      const exchange = await Promise.race([stage.exchanges.next(), stop]);
      if (exchange === undefined) return;
      output.write(drawRequest(exchange, paint) + "\n\n");
    }
  } finally {
    endTop?.();
  }
}
