import { assert, assertEquals, assertGreater, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
// deno-lint-ignore no-import-prefix
import { XMLParser, XMLValidator } from "npm:fast-xml-parser@5.3.0";
import { type LoadGenerator, parseAutocannon, parseH2load, parseWrk, type SliceResult } from "./load_generator.ts";
import { parseBenchOptions } from "./bench_options.ts";
import { drawChart } from "./draw_chart.ts";
import { median, summarize } from "./figures.ts";
import { formatLoad, type Report } from "./report.ts";
import { hasCommand, startChild } from "../_support/child.ts";
import { LOADS, SMALL_BYTES } from "./loads.ts";
import { measureLoad, type MeasureOptions } from "./measure_load.ts";
import { externalPeer, type Peer } from "./peers/peer.ts";
import { processUsage } from "./process_usage.ts";
import { peerTables } from "./peer_tables.ts";
import {
  AUTOCANNON_BAD_STATUSES,
  H2LOAD_GOOD,
  H2LOAD_LOG,
  WRK_BAD_STATUSES,
  WRK_GOOD,
  WRK_SOCKET_ERRORS,
} from "./generator_outputs.ts";
import { startBackend, untilRefused } from "../_support/servers.ts";

Deno.test("parseWrk() parses rates, latencies of any unit, bad statuses and socket errors", () => {
  const good: SliceResult = {
    requests: 51_829,
    requestsPerSecond: 47_127.3,
    p50Ms: 0.027,
    p99Ms: 2.5,
    badStatuses: 0,
    socketErrors: 0,
  };
  assertEquals(parseWrk(WRK_GOOD), good);
  assertEquals(parseWrk(WRK_GOOD.replace("2.50ms", "1.25s")).p99Ms, 1_250);
  assertEquals(parseWrk(WRK_BAD_STATUSES).badStatuses, 45_767);
  assertEquals(parseWrk(WRK_SOCKET_ERRORS).socketErrors, 14_106);
  assertEquals(parseWrk(WRK_GOOD.replace(/(99%).*$/m, "$1    1.42s ")).p99Ms, 1_420);
  assertThrows(() => parseWrk("unable to connect"), Error, "Cannot parse the output of wrk");
});

Deno.test("parseAutocannon() parses the same from JSON", () => {
  assertEquals(parseAutocannon(AUTOCANNON_BAD_STATUSES), {
    requests: 38_092,
    requestsPerSecond: 38_092 / 1.01,
    p50Ms: 0,
    p99Ms: 0,
    badStatuses: 38_092,
    socketErrors: 0,
  });
});

Deno.test("parseH2load() parses counts, and percentiles from the log of requests", () => {
  const good: SliceResult = {
    requests: 2_048,
    requestsPerSecond: 1_024,
    p50Ms: 2.791,
    p99Ms: 2.921,
    badStatuses: 0,
    socketErrors: 0,
  };
  assertEquals(parseH2load(H2LOAD_GOOD, H2LOAD_LOG), good);
  const bad = H2LOAD_GOOD.replace("0 failed, 0 errored, 0 timeout", "9 failed, 2 errored, 3 timeout");
  const { badStatuses, socketErrors } = parseH2load(bad, H2LOAD_LOG);
  assertEquals([badStatuses, socketErrors], [4, 5]);
  assertThrows(() => parseH2load("cannot connect", ""), Error, "Cannot parse the output of h2load");
});

Deno.test("median() accepts numbers in any order", () => {
  assertEquals(median([10, 9, 100]), 10);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([7]), 7);
});

Deno.test("summarize() takes ratios within each round, and omits missing measurements", () => {
  const samples = [{ requestsPerSecond: 10 }, { requestsPerSecond: 40 }, { requestsPerSecond: 30 }];
  const baseline = [{ requestsPerSecond: 20 }, { requestsPerSecond: 80 }, { requestsPerSecond: 10, p50Ms: 1 }];
  assertEquals(summarize(samples, baseline), { requestsPerSecond: { median: 30, min: 10, max: 40, ratio: 0.5 } });
  assertEquals(summarize(samples, []), { requestsPerSecond: { median: 30, min: 10, max: 40 } });
});

const REPORT: Report = {
  date: "2026-11-23T00:00:00.000Z",
  machine: { cores: 2, system: "linux x86_64", deno: "2.9.6" },
  generator: "wrk",
  slices: 5,
  seconds: 3,
  baseline: "fetch",
  loads: [{
    load: "get-64",
    title: "GET, 100-byte responses, 64 connections",
    peers: [
      {
        peer: "fetch",
        figures: { cpuSecondsPer10k: { median: 3.256, min: 3, max: 4, ratio: 1 } },
        cpuOfConductor: 0.384,
      },
      { peer: "conductor", figures: { cpuSecondsPer10k: { median: 1.25, min: 1, max: 1.5, ratio: 0.384 } } },
      { peer: "elsewhere", figures: { requestsPerSecond: { median: 12_345.6, min: 12_345.6, max: 12_345.6 } } },
      { peer: "unable" },
    ],
  }],
};

Deno.test("formatLoad() writes a table with a dash for missing measurements", () => {
  assertEquals(
    formatLoad(REPORT.loads[0]!).split("\n").map((line) => line.replaceAll(/ +/g, " ")),
    [
      "get-64: GET, 100-byte responses, 64 connections",
      "",
      "| peer | requests/s | p50 ms | p99 ms | CPU s / 10,000 | memory MiB |",
      "| --------- | ---------- | ------ | ------ | ---------------------- | ---------- |",
      "| fetch | – | – | – | 3.26 (3.00–4.00) ×1.00 | – |",
      "| conductor | – | – | – | 1.25 (1.00–1.50) ×0.38 | – |",
      "| elsewhere | 12,346 | – | – | – | – |",
      "| unable | – | – | – | – | – |",
      "",
    ],
  );
});

Deno.test("peerTables() writes medians, ratios to the baseline, and the conditions of the run", () => {
  const time = (median: number) => ({ median, min: median, max: median });
  const peers = [{ peer: "conductor", figures: { p50Ms: time(0.331) } }, {
    peer: "backend",
    figures: { p50Ms: time(0.07) },
  }];
  const alone = { load: "get-1", title: "GET, 1 connection", peers };
  assertEquals(peerTables({ ...REPORT, loads: [alone, ...REPORT.loads] }).split("\n"), [
    "GET, 100-byte responses, 64 connections:",
    "",
    "| peer | requests/s | p50 ms | p99 ms | CPU s / 10,000 | memory MiB | CPU of fetch |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    "| fetch | – | – | – | 3.26 | – | 1.00 |",
    "| conductor | – | – | – | 1.25 | – | 0.38 |",
    "",
    "CPU seconds per 10,000 requests, and the ratio to fetch:",
    "",
    "| load | `--load` | fetch | conductor |",
    "| --- | --- | --- | --- |",
    "| GET, 1 connection | `get-1` | – | – |",
    "| GET, 100-byte responses, 64 connections | `get-64` | 3.26 (×1.00) | 1.25 (×0.38) |",
    "",
    "CPU time of conductor, as a multiple of that of each other program in the same round:",
    "",
    "| load | `--load` | fetch |",
    "| --- | --- | --- |",
    "| GET, 1 connection | `get-1` | – |",
    "| GET, 100-byte responses, 64 connections | `get-64` | 0.38 |",
    "",
    "Median latency over one connection: 0.33 ms (conductor), 0.07 ms (backend).",
    "Medians of 5 slices of 3 s on 2 cores that programs, backends and `wrk` share; Deno 2.9.6, 2026-11-23.",
  ]);
});

Deno.test("drawChart() draws well-formed SVG, the cheapest peer first, with a description and colours for dark mode", () => {
  const svg = drawChart(REPORT);
  assertEquals(XMLValidator.validate(svg), true);
  const { title, desc, style, text } = new XMLParser().parse(svg).svg;
  assertStringIncludes(title["#text"] ?? title, "CPU seconds per 10,000 requests");
  assertStringIncludes(desc["#text"] ?? desc, "conductor 1.25, fetch 3.26");
  assertStringIncludes(style, "prefers-color-scheme: dark");
  assertEquals(text.slice(1, -1), ["GET, 100-byte responses, 64 connections", "conductor", 1.25, "fetch", 3.26]);
  assertThrows(() => drawChart({ ...REPORT, loads: [] }), Error, "Cannot draw a chart");
});

Deno.test("parseBenchOptions() selects all loads by default, and rejects unknown flags and values", () => {
  assertEquals(parseBenchOptions([])?.loads, LOADS);
  assertEquals(parseBenchOptions(["--load", "64k", "--load", "get-1"])?.loads.map(({ name }) => name), [
    "64k",
    "get-1",
  ]);
  assertEquals(parseBenchOptions(["--quick"])?.slices, 1);
  assertEquals(parseBenchOptions(["--help"]), undefined);
  const wrong: readonly (readonly [args: string[], message: string])[] = [
    [["--load", "none"], `unknown load "none"`],
    [["--slice", "2"], `unknown flag "--slice"`],
    [["--slices", "0"], `must be an integer from 1 to 99,999: found "0"`],
    [["--peer", "x"], `must be NAME=URL[,PID]: found "x"`],
    [["--write", "--load", "get-1"], "cannot be combined with --load"],
    [["--write", "--quick"], "cannot be combined with --quick"],
    [["--svg", "x.svg", "--load", "get-1"], "must name one of"],
  ];
  for (const [args, message] of wrong) assertThrows(() => parseBenchOptions(args), Error, message);
});

Deno.test("externalPeer() supports plain loads, and loads that were named", async () => {
  const peer = externalPeer("go=http://127.0.0.1:8080/,4711", { loads: ["4-services"] });
  const { name } = peer;
  await using running = await peer.start(LOADS[0]!, []);
  assertEquals([name, running.url, running.pid], ["go", "http://127.0.0.1:8080", 4_711]);
  const supported = LOADS.filter((load) => peer.supports(load)).map(({ name }) => name);
  assertEquals(supported, [
    "get-1",
    "get-16",
    "get-64",
    "get-256",
    "64k",
    "post-1m",
    "4-services",
    "rate-1000",
    "rate-10000",
  ]);
});

const hasProc = Deno.build.os === "linux";

Deno.test({
  name: `processUsage() counts a process's children${hasProc ? "" : " (ignored: there is no /proc)"}`,
  ignore: !hasProc,
  async fn() {
    // The inner shell announces itself. Both shells end with their input.
    const args = ["-c", "sh -c 'echo ready; cat'; true"];
    await using shell = new Deno.Command("sh", { args, stdin: "piped", stdout: "piped" }).spawn();
    const reader = shell.stdout.getReader();
    await reader.read();
    reader.releaseLock();
    const status = await Deno.readTextFile(`/proc/${shell.pid}/status`);
    const aloneMib = Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1_024;
    assertGreater((await processUsage(shell.pid))!.rssMib, aloneMib);
    await shell.stdin.close();
    await shell.stdout.cancel();
    assertEquals((await shell.status).code, 0);
    assertEquals(await processUsage(shell.pid), undefined);
  },
});

/**
 * Returns peers that are one backend under several names, and a generator with scripted results that records the loaded
 * peers.
 */
function scene(
  url: string,
  result: Partial<SliceResult> = {},
): { peers: Peer[]; loaded: string[]; options: MeasureOptions } {
  const loaded: string[] = [];
  const generator: LoadGenerator = {
    name: "scripted",
    run({ origin, seconds }) {
      loaded.push(`${origin.slice(url.length + 1)}${seconds}`);
      const times = { requestsPerSecond: 1, p50Ms: 1, p99Ms: 1 };
      return Promise.resolve({ requests: 1, ...times, badStatuses: 0, socketErrors: 0, ...result });
    },
  };
  const peers = ["a", "b", "c"].map((name) => externalPeer(`${name}=${url}/${name}`, { loads: [] }));
  const { signal } = new AbortController();
  return {
    peers,
    loaded,
    options: { origins: [], generator, slices: 3, seconds: 3, warmUpSeconds: 1, warmUpRequests: 1, signal },
  };
}

Deno.test("measureLoad() alternates the peers, and starts each round with another one", async () => {
  await using backend = startBackend(() => new Response("x".repeat(SMALL_BYTES)));
  const { peers, loaded, options } = scene(backend.url);
  const samples = await measureLoad(LOADS[0]!, peers, options);
  assertEquals(loaded.join(" "), "a1 b1 c1 a3 b3 c3 b3 c3 a3 c3 a3 b3");
  assertEquals([...samples.values()].map(({ length }) => length), [3, 3, 3]);
});

Deno.test("measureLoad() warms each peer up until it has handled enough requests, within a limit", async () => {
  await using backend = startBackend(() => new Response("x".repeat(SMALL_BYTES)));
  const { peers, loaded, options } = scene(backend.url);
  await measureLoad(LOADS[0]!, peers.slice(0, 2), { ...options, slices: 1, warmUpRequests: 2 });
  assertEquals(loaded.splice(0).join(" "), "a1 a1 b1 b1 a3 b3");
  await measureLoad(LOADS[0]!, peers.slice(0, 1), { ...options, slices: 1, warmUpRequests: 1_000 });
  assertEquals(loaded.join(" "), "a1 a1 a1 a1 a1 a3");
});

Deno.test("measureLoad() names peer and load if a request fails", async () => {
  await using backend = startBackend(() => new Response("x".repeat(SMALL_BYTES)));
  const failures: readonly (readonly [result: Partial<SliceResult>, reason: string])[] = [
    [{ badStatuses: 2 }, "1 responses, 2 with a bad status, 0 socket errors"],
    [{ socketErrors: 3 }, "1 responses, 0 with a bad status, 3 socket errors"],
    [{ requests: 0 }, "0 responses, 0 with a bad status, 0 socket errors"],
  ];
  for (const [result, reason] of failures) {
    const { peers, options } = scene(backend.url, result);
    const error = await assertRejects(() => measureLoad(LOADS[0]!, peers, options), Error, reason);
    assertStringIncludes(error.message, `Cannot measure "a" under "get-1"`);
  }
});

Deno.test("measureLoad() rejects a peer with a wrong response", async () => {
  await using backend = startBackend(() => new Response("short"));
  const { peers, options } = scene(backend.url);
  await assertRejects(() => measureLoad(LOADS[0]!, peers, options), Error, "found status 200 with 5 bytes");
});

const BENCH = fileURLToPath(new URL("compare_peers.ts", import.meta.url));
const noWrk = await hasCommand("wrk", ["--version"]) ? "" : " (ignored: wrk is not installed)";

Deno.test({
  name: `deno task bench --quick measures all peers${noWrk}`,
  ignore: noWrk !== "",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const [json, svg] = [`${folder}/figures.json`, `${folder}/chart.svg`];
      const args = ["run", "-A", BENCH, "--quick", "--load", "64k", "--json", json, "--svg", svg];
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertEquals(code, 0, errors);
      assertStringIncludes(output!, "64k: GET, 64 KiB responses");
      const report: Report = JSON.parse(await Deno.readTextFile(json));
      const { peers } = report.loads[0]!;
      for (const name of ["conductor", "fetch", "sketch", "bound"]) {
        const { figures } = peers.find(({ peer }) => peer === name)!;
        assertGreater(figures!.requestsPerSecond!.median, 0, name);
        if (hasProc) assert(figures!.cpuSecondsPer10k!.ratio! > 0 && figures!.rssMib!.median > 1, name);
      }
      assertEquals(XMLValidator.validate(await Deno.readTextFile(svg)), true);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `deno task bench stops its processes after a signal${noWrk}`,
  ignore: noWrk !== "",
  async fn() {
    const args = ["run", "-A", BENCH, "--load", "get-1", "--seconds", "60"];
    await using bench = startChild(Deno.execPath(), { args });
    const [, backend] = await bench.waitFor(/^backends, .*: (\S+) /m);
    bench.kill("SIGINT");
    await bench.ended;
    assertStringIncludes(bench.output, "interrupted by a signal");
    await untilRefused(backend!);
  },
});
