/** Command line and table of the isolation benchmark. The measurement itself is `deno task isolation`. */

import { assertAlmostEquals, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { hasCommand } from "../_support/child.ts";
import { openLoop } from "./isolation/open_loop.ts";
import { parseIsolationOptions } from "./isolation/options.ts";
import { processState } from "./isolation/process_state.ts";
import { SMALL_BYTES } from "./isolation/requests.ts";
import { ALONE, SCENES } from "./isolation/scenes.ts";
import { respondPlainly } from "./isolation/backend.ts";
import {
  isolationTable,
  isolationViolations,
  pooledRatio,
  type ProcessReport,
  ratioInterval,
  type SceneReport,
  type Slice,
} from "./isolation/table.ts";
import { seededRandom } from "../_support/seeded_random.ts";
import { startRawBackend } from "../_support/servers.ts";

Deno.test("parseIsolationOptions() selects all scenes by default, and rejects unknown flags and values", () => {
  assertEquals(parseIsolationOptions([]), { rate: 1_000, seconds: 8, turns: 8, scenes: SCENES, write: false });
  assertEquals(parseIsolationOptions(["--scene", "hangs", "--turns", "1"])?.scenes.map(({ name }) => name), [
    "a shadow that hangs",
    "a secondary that hangs",
    "a shadow that hangs in a mirrored tunnel",
  ]);
  assertEquals(parseIsolationOptions(["--help"]), undefined);
  const wrong: readonly (readonly [args: string[], message: string])[] = [
    [["--rate", "0"], '--rate must be an integer from 1 to 99,999: found "0"'],
    [["--seconds", "1.5"], '--seconds must be an integer from 1 to 99,999: found "1.5"'],
    [["--turns", "few"], '--turns must be an integer from 1 to 99,999: found "few"'],
    [["--scene", "sleeps"], `no name contains "sleeps"`],
    [["--turn", "2"], `unknown flag "--turn"`],
    [["hangs"], `unknown flag "hangs"`],
    [["--write", "--scene", "hangs"], "--write cannot be combined with --scene"],
  ];
  for (const [args, message] of wrong) assertThrows(() => parseIsolationOptions(args), Error, message);
});

const REST = { cpuSeconds: 1, rssMib: 100, descriptors: 26 };

/** Returns a slice of 100 responses, with the given time for the slowest two. */
function sliceOf(tailMs: number): Slice {
  const timesMs = Array.from({ length: 100 }, (_, index) => index < 2 ? tailMs : 2);
  return { result: { requests: 100, successes: 100, failures: {}, timesMs }, cpuSeconds: 0.025, othersRatio: 0 };
}

const PROCESS: ProcessReport = {
  slices: [5, 5, 5].map(sliceOf),
  alone: [4, 4, 4].map(sliceOf),
  before: REST,
  after: { ...REST, rssMib: 110 },
  mostDescriptors: 90,
  metrics: {
    request_count: 10_000,
    services: [
      {
        service: "beside",
        route: "/",
        role: "shadow",
        request_count: 1,
        error_count: 0,
        success_count: 1,
        success_rate: 1,
        in_flight: 0,
        selected_count: 0,
        avg_request_time_ms: 1,
        p50_ms: 1,
        p95_ms: 1,
        p99_ms: 1,
        max_ms: 1,
        failures: {},
        skips: { "max-in-flight": 8_739, "body-lag": 2 },
      },
    ],
  },
};

const GOOD: SceneReport = {
  scene: SCENES.find(({ name }) => name === "a shadow that hangs")!,
  processes: [PROCESS, { ...PROCESS, after: REST }],
};

Deno.test("isolationTable() has the percentiles of all turns, and the skipped requests by reason", () => {
  const [, , alone, line] = isolationTable([
    { scene: ALONE, processes: [{ ...PROCESS, metrics: { ...PROCESS.metrics, services: [] } }] },
    GOOD,
  ])
    .split("\n");
  assertEquals(
    line,
    "| a shadow that hangs | 2.0 | ×1.00 | 5.0 | ×1.25 (1.25–1.25) | 100 % | 87.3 % max-in-flight, < 0.1 % body-lag | 2.50 | 100 → 110 " +
      "| 26 → 26, at most 90 |",
  );
  assertStringIncludes(alone!, "| 2.0 |  | 5.0 |  | 100 % | – |");
});

Deno.test("isolationViolations() names every violated bound, and nothing else", () => {
  assertEquals(isolationViolations(GOOD), []);
  const slice = sliceOf(5.04);
  const result = { ...slice.result, successes: 99, failures: { "HTTP/1.1 502": 1 } };
  const bad: SceneReport = {
    ...GOOD,
    processes: [{ ...PROCESS, slices: [{ ...slice, result }], after: { ...REST, rssMib: 165, descriptors: 35 } }],
  };
  assertEquals(isolationViolations(bad), [
    "a shadow that hangs: the 99th percentile is 1.26 times that of the primary alone",
    "a shadow that hangs: 99 % succeeded: HTTP/1.1 502",
    "a shadow that hangs: memory has grown by 65 MiB",
    "a shadow that hangs: descriptors have grown by 9",
  ]);
});

Deno.test("pooledRatio() compares all turns together, and ratioInterval() is narrow if they agree", () => {
  const random = seededRandom(1);
  const times = (factor: number) => Array.from({ length: 500 }, () => factor * -Math.log(1 - random()));
  const alike = Array.from({ length: 8 }, () => ({ base: times(1), other: times(1.2) }));
  const ratio = pooledRatio(alike, 0.99);
  const [least, most] = ratioInterval(alike, 0.99, random);
  assertAlmostEquals(ratio, 1.2, 0.2);
  assertLess(least, ratio);
  assertLess(ratio, most);
  assertLess(most - least, 0.5);
  // Half of the turns were bad for one server, half for the other: the interval must be wide.
  const moody = alike.map((_, turn) =>
    turn % 2 === 0 ? { base: times(1), other: times(3) } : { base: times(3), other: times(1) }
  );
  const [worst, best] = ratioInterval(moody, 0.99, random);
  assertLess(worst, 0.8);
  assertLess(1.25, best);
});

Deno.test("openLoop() sends requests at the given rate, and distinguishes correct responses from others", async () => {
  await using good = startRawBackend((connection) => respondPlainly(connection, 0));
  const { requests, successes, failures } = await openLoop(good.url, 500, 1);
  assertEquals([requests, successes, failures], [500, 500, {}]);
  const outcomes: readonly (readonly [response: string, failure: string])[] = [
    ["HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 502"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n1234567", "a length of 7 bytes"],
    [`HTTP/1.1 200 OK\r\ncontent-length: ${SMALL_BYTES}\r\n\r\n1234567`, "closed before its end"],
    ["HTTP/1.1 200 OK\r\n", "no head"],
  ];
  for (const [response, failure] of outcomes) {
    await using bad = startRawBackend(async (connection) => {
      await connection.read(new Uint8Array(1_024));
      await connection.write(new TextEncoder().encode(response));
    });
    assertEquals((await openLoop(bad.url, 1, 1)).failures, { [failure]: 1 });
  }
});

const hasProc = await Deno.stat("/proc/net/tcp").then(() => true, () => false);

/** A process with only the given descriptors. A runtime would open and close files at any time. */
const CONNECTS_TO_BOTH = `
echo ready
read -r
exec 3<>"/dev/tcp/127.0.0.1/$1" 4<>"/dev/tcp/127.0.0.1/$2"
echo connected
read -r
`;

Deno.test({
  name: "processState() counts descriptors, except for pooled connections",
  ignore: !hasProc || !await hasCommand("bash", ["-c", ""]),
  async fn() {
    const hold = async (connection: Deno.Conn) => void await connection.read(new Uint8Array(1));
    await using pooled = startRawBackend(hold);
    await using other = startRawBackend(hold);
    const [port, otherPort] = [pooled, other].map(({ url }) => Number(new URL(url).port));
    const child = new Deno.Command("bash", {
      args: ["-c", CONNECTS_TO_BOTH, "bash", `${port}`, `${otherPort}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const input = child.stdin.getWriter();
    const goOn = () => input.write(new TextEncoder().encode("\n"));
    const descriptors = async (ports: readonly number[]) => (await processState(child.pid, ports)).descriptors;
    await output.read();
    const before = await descriptors([]);
    assertEquals(await descriptors([port!]), before);
    await goOn();
    await output.read();
    assertEquals(await descriptors([]), before + 2);
    assertEquals(await descriptors([port!]), before + 1);
    await goOn();
    await input.close();
    await output.cancel();
    await child.status;
  },
});
