/** `conductor demo`: a tour with three backends inside this process, then a server for the requests of the user. */

import { delay } from "@std/async/delay";
import { createPaint, type Paint } from "../lib/paint.ts";
import { silenceLegacyAbortNotice } from "../server/process_hooks.ts";
import type { ParsedArgs } from "./command_line.ts";
import { type DemoStage, openStage } from "./demo/stage.ts";
import { drawRequest, playTour } from "./demo/tour.ts";
import { TAGLINE } from "./help.ts";
import type { Io } from "./io.ts";
import { drawRoutes } from "./route_table.ts";
import { createLiveTable } from "./top/live_table.ts";
import { runTop } from "./top/run_top.ts";

/** Pause for reading, on a terminal. */
const PAUSE_MS = 1_500;

/**
 * Runs the tour, then serves until a signal arrives, and returns 0. Throws a `ListenError` if the port cannot be
 * listened on.
 */
export async function runDemo({ flags }: ParsedArgs, io: Io): Promise<number> {
  const paint = createPaint(io.stdout.isTerminal);
  const print = (line: string) => void io.stdout.write(line + "\n");
  const pause = () => io.stdout.isTerminal ? delay(PAUSE_MS) : Promise.resolve();
  silenceLegacyAbortNotice();
  const stage = await openStage(flags.port);
  const signals = io.listenForStop();
  const stopped = signals.next();
  try {
    printIntroduction(stage, print, paint);
    const end = await Promise.race([playTour(stage, { print, paint, pause }), stopped]);
    if (end === undefined && !flags.once) {
      printInvitation(stage, print, paint);
      await drawUntil(stopped, stage, io, paint);
    }
    return 0;
  } finally {
    signals.close();
    await stage.close();
  }
}

function printIntroduction({ yaml, config, url }: DemoStage, print: (line: string) => void, paint: Paint): void {
  print("");
  print(`${paint.strong("conductor")} ${TAGLINE}`);
  print("");
  print("Three small backends run inside this process. This is the whole configuration:");
  print("");
  for (const line of yaml.trimEnd().split("\n")) print(paint.faint(line));
  print("");
  print(`A request to ${paint.accent(url)} goes to these services:`);
  print("");
  print(drawRoutes(config, { paint, urlOf: ({ service }) => `:${new URL(service.origin).port}` }));
  print("");
}

function printInvitation({ url, adminUrl }: DemoStage, print: (line: string) => void, paint: Paint): void {
  print(paint.strong("Your turn"));
  print("   All backends are running again. Each request that you send is drawn here:");
  print("");
  print(`   ${paint.accent(`curl -i ${url}/api/hello`)}`);
  print(`   ${paint.accent(`curl -i -d '{"item":"tea"}' ${url}/api/orders`)}`);
  print(`   ${paint.accent(`curl -i '${url}/api/hello?down=blue'`)}         # fallback to green`);
  print(`   ${paint.accent(`curl -i '${url}/api/hello?down=blue,green'`)}   # no success: 502`);
  print("");
  print(`   Live dashboard: ${paint.accent(adminUrl)}`);
  print("");
  print("   Ctrl-C ends the demo.");
  print("");
}

/** Draws each request. On a terminal, shows the live table below. */
async function drawUntil(
  stopped: Promise<unknown>,
  stage: DemoStage,
  { stdout, hasCursor }: Io,
  paint: Paint,
): Promise<void> {
  const stop = stopped.then(() => undefined);
  const table = hasCursor ? createLiveTable(stdout) : undefined;
  const output = table?.above(stdout) ?? stdout;
  const endTop = table && runTop({ state: () => stage.state(), table, paint });
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
