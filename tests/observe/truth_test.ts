/**
 * Known traffic from outside, through a process of its own: clients and backends count for themselves, and every number
 * that conductor shows must agree with them. A number without a comparison fails the test.
 *
 * Some numbers have no truth outside, so only their form or their size is checked:
 *
 * - Memory, CPU time and descriptors of the process.
 * - Ends of axes, and lengths of bars and curves, which are drawn from numbers that are compared.
 * - Durations of shadow requests in the list of exchanges.
 */

import { assertEquals } from "@std/assert";
import type { StateView } from "../../src/admin/api.ts";
import { CHROMIUM } from "../_support/browser.ts";
import { runCli, startCli } from "../_support/cli_process.ts";
import { eventually, sendTraffic, startScene, truthOf } from "../_support/known_traffic.ts";
import { visit } from "../_support/page_test.ts";
import { startRelay } from "../_support/state_relay.ts";
import { checkLog } from "../_support/truth_of_log.ts";
import { checkJson, checkMetrics, checkState } from "../_support/truth_of_metrics.ts";
import { checkPage } from "../_support/truth_of_page.ts";
import { checkTop, secondTable } from "../_support/truth_of_top.ts";
import { drawTop } from "../../src/cli/top/draw_top.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { checkReport, checkReportText } from "../_support/truth_of_report.ts";

/** Period of recent percentiles that is certain. */
const RECENT_MS = 10_000;

for (const workers of [1, 2]) {
  const threads = workers === 1 ? "1 thread" : `${workers} workers`;
  Deno.test({
    name: `every number agrees with what clients and backends counted, with ${threads}`,
    ignore: workers > 1 && Deno.build.os !== "linux",
    // The browser's own operations continue between tests.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const startMs = Date.now();
      await using scene = await startScene(workers);
      const { conductor } = scene;
      const read = async (path: string, accept = "*/*"): Promise<Response> =>
        await fetch(conductor.adminUrl + path, { headers: { accept } });
      const readState = async (): Promise<StateView> => await (await read("api/state")).json();
      const before = await readState();
      await using relay = startRelay(conductor.adminUrl, before);
      await using visited = CHROMIUM === undefined ? undefined : await visit(relay.url, { height: 20_000 });
      await using top = startCli(["top", "--admin", relay.url], { permissions: ["--allow-net"] });
      await top.stdout.seen(/^no route|keeper/m);
      const clients = await sendTraffic(scene);
      // Comparisons and attempts that no client waits for are still in progress.
      let after = await readState();
      await eventually(async () => {
        after = await readState();
        const { services } = after.metrics;
        const settled = services.every(({ service, inFlight }) => inFlight === (service === "keeper" ? 1 : 0));
        const of = (name: string) => services.find(({ service }) => service === name)!;
        return settled && of("canary").comparisons.mismatch === 20 && of("twin").comparisons.match === 8;
      });
      relay.advance(after);
      const truth = truthOf(scene, clients);
      const lastRequestMs = Math.max(...clients.views.map(({ startMs }) => startMs));
      const isRecent = after.timeMs - before.timeMs < RECENT_MS;
      const bounds = {
        truth,
        startMs,
        lastRequestMs,
        workers,
        get endMs() {
          return Date.now();
        },
      };
      checkState(after, { ...bounds, isRecent });
      checkMetrics(await (await read("metrics", "text/plain")).text(), bounds);
      checkJson(await (await read("metrics", "application/json")).json(), bounds);
      const reported = { truth, clients, startMs };
      checkReport(await (await read("api/report", "application/json")).json(), reported);
      const formats = ["text", "markdown"] as const;
      const printed = Promise.all(formats.map(async (format) => {
        const { stdout } = await runCli(["report", "--admin", conductor.adminUrl, "--format", format]);
        checkReportText(stdout, format, reported);
      }));
      // The page is compared at the same time.
      printed.catch(() => {});
      const drawn = { truth, workers, states: [before, after], isRecent } as const;
      checkTop(drawTop([before, after], { columns: 150, rows: 200, paint: createPaint(false) }), drawn);
      if (visited !== undefined) {
        await checkPage(visited.page, {
          truth,
          clients,
          workers,
          startMs,
          states: [before, after],
          version: before.version,
          isRecent,
        });
        assertEquals(visited.complaints, []);
      }
      await printed;
      await top.stdout.seen(/Z\n(?:.+\n)+\n(?:.+\n)+\n/);
      checkTop(secondTable(top.stdout.text, drawn), drawn);
      await clients.release();
      conductor.process.kill("SIGTERM");
      assertEquals(await conductor.process.exited, 0);
      const log = conductor.process.stdout.text + conductor.process.stderr.text;
      checkLog(log, { truth: truthOf(scene, clients), clients, workers, startMs, isDebug: workers === 1 });
    },
  });
}
