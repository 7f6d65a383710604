/** Responses designed to be expensive to compare. */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { type Attack, attackTest, underAttack } from "../_support/attack.ts";
import { readRaw } from "../_support/raw_response.ts";
import { startBackend } from "../_support/servers.ts";
import type { WatchedConductor } from "../_support/cli_process.ts";

const MIB = 1_048_576;
// Maxima of what comparison adds for other clients. The same requests without comparison, in the same run, are the
// reference, because other tests may share the machine.
/** Median latency in milliseconds, above twice the reference. */
const MAX_P50_MS = 20;
/** Longest stall in milliseconds. Each comparison has at most 4 million steps. */
const MAX_STALL_MS = 300;
/** Peak memory in MiB: `maxMemory`, and the bodies of one comparison. */
const MAX_GROWTH_MIB = 160;

/** Two bodies to compare. */
interface Bodies {
  readonly expected: Uint8Array<ArrayBuffer>;
  readonly actual: Uint8Array<ArrayBuffer>;
  readonly type?: string;
  readonly coding?: string;
}

/** Requests these bodies until the attack is over. Asserts that other clients and memory are not affected. */
async function attack(
  { expected, actual, type = "application/json", coding }: Bodies,
  compare: object,
  afterwards?: (target: WatchedConductor) => Promise<void>,
): Promise<void> {
  const headers = { "content-type": type, ...(coding !== undefined && { "content-encoding": coding }) };
  await using calm = startBackend(() => new Response("ok"));
  await using old = startBackend(() => new Response(expected, { headers }));
  await using fresh = startBackend(() => new Response(actual, { headers }));
  const request: Attack = async ({ url }, signal) => {
    while (!signal.aborted) {
      // Responses are compared only if the client has read them to the end.
      await readRaw(url, "/costly", signal);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const services = [
    { name: "calm", url: calm.url, path: "/calm" },
    { name: "old", url: old.url, path: "/costly", primary: true },
    { name: "new", url: fresh.url, path: "/costly", shadow: true },
  ];
  // The same bodies without comparison: relaying them takes time and memory too.
  const off = await underAttack(request, { services });
  const report = await underAttack(request, {
    config: { compare: { noise: "off", maxBody: "64MiB", maxMemory: "64MiB", ...compare } },
    services: services.map((service) => service.name === "calm" ? { ...service, compare: false } : service),
    ...(afterwards !== undefined && { afterwards }),
  });
  assertEquals(report.failures, 0);
  assertLess(report.growthMiB, off.growthMiB + MAX_GROWTH_MIB);
  assertLess(report.attacked.p50Ms, 2 * off.attacked.p50Ms + MAX_P50_MS);
  assertLess(report.attacked.maxMs, off.attacked.maxMs + MAX_STALL_MS);
}

/** Returns arrays that are nested 90 levels deep, up to a size in bytes. */
function nestedArrays(bytes: number, first: number): Uint8Array<ArrayBuffer> {
  const [open, close] = ["[".repeat(90), "]".repeat(90)];
  const count = Math.floor(bytes / (open.length + close.length + 9));
  return encode(`[${Array.from({ length: count }, (_, index) => `${open}${first + index}${close}`).join()}]`);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

attackTest({
  name: "expensive nested arrays in any order are not comparable, which the report, metrics and log show",
  async fn() {
    const bodies = { expected: nestedArrays(2 * MIB, 1e6), actual: nestedArrays(2 * MIB, 2e6) };
    await attack(bodies, { arrays: "unordered" }, async ({ url, adminUrl, process }) => {
      // The last response must not be cut off by the end of the attack.
      await (await fetch(new URL("/costly", url))).bytes();
      await process.stdout.seen(/responses not comparable/);
      const { verdict, notComparable, services: [service] } =
        await (await fetch(new URL("/api/report?minRequests=1", adminUrl))).json();
      assertGreater(notComparable, 0);
      assertEquals([verdict, service.compared], ["not-enough-traffic", 0]);
      assertEquals(Object.keys(service.notComparable), ["costly"]);
      const metrics = await (await fetch(new URL("/metrics", adminUrl), { headers: { accept: "text/plain" } })).text();
      assertMatch(metrics, /^conductor_not_comparable_total\{[^}]*reason="costly"\} [1-9]/m);
      assertMatch(process.stdout.text, /"result":"not-comparable".*"reason":"costly"/);
    });
  },
});

attackTest({
  name: "large documents of different shapes do not stall other clients",
  async fn() {
    const items = (price: number) =>
      Array.from({ length: 100_000 }, (_, id) => ({ id, name: `an item with a name ${id}`, price: price + id }));
    const reordered = items(2).map(({ id, name, price }) => ({ price, name, id }));
    const bodies = { expected: encode(JSON.stringify(items(1))), actual: encode(JSON.stringify(reordered)) };
    assert(bodies.expected.length > 5 * MIB);
    await attack(bodies, {});
  },
});

attackTest({
  name: "wide, deep, repetitive and unordered documents do not stall other clients",
  async fn() {
    const [a, b] = [1e6, 2e6].map((first) => {
      const wide = `{${Array.from({ length: 20_000 }, (_, at) => `"key${first + at}":${at}`).join()}}`;
      const repeated = `{${Array.from({ length: 20_000 }, (_, at) => `"key":${first + at}`).join()}}`;
      const deep = `${'{"a":['.repeat(5_000)}${first}${"]}".repeat(5_000)}`;
      const list = JSON.stringify(Array.from({ length: 10_000 }, (_, at) => ({ at: first + at, price: at % 7 })));
      return encode(`{"wide":${wide},"repeated":${repeated},"deep":${deep},"list":${list}}`);
    });
    await attack({ expected: a!, actual: b! }, {
      arrays: "unordered",
      tolerance: [{ relative: 0.01 }],
      normalise: [{ pattern: "(a+)+$", replacement: "" }],
    });
  },
});

attackTest({
  name: "a pattern that backtracking engines cannot stop does not stall other clients",
  async fn() {
    const text = (end: string) => encode(Array.from({ length: 2_000 }, () => `${"a".repeat(900)}${end}`).join("\n"));
    await attack({ expected: text("!"), actual: text("?"), type: "text/plain" }, {
      normalise: [{ pattern: "^(a+)+$", replacement: "" }, { pattern: "(a|aa)*b", replacement: "" }],
    });
  },
});

attackTest({
  name: "Brotli and Zstandard that decode to 5,000 times their size do not stall other clients",
  async fn() {
    const [zeros, ones] = [new Uint8Array(24 * MIB), new Uint8Array(24 * MIB).fill(1)];
    const compare = { maxBody: "256KiB" };
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
    for (const [coding, pack] of [["br", brotliCompressSync], ["zstd", zstdCompressSync]] as const) {
      const options = coding === "br" ? quality : {};
      const [expected, actual] = [zeros, ones].map((plain) => new Uint8Array(pack(plain, options)));
      assertLess(expected!.length, 5_000);
      await attack({ expected: expected!, actual: actual!, type: "text/plain", coding }, compare);
    }
  },
});

attackTest({
  name: "bodies that decode to 1,000 times their size neither fill memory nor stall other clients",
  async fn() {
    const bodies = {
      expected: gzipSync(new Uint8Array(60 * MIB)),
      actual: gzipSync(new Uint8Array(60 * MIB).fill(1)),
      type: "text/plain",
      coding: "gzip",
    };
    await attack(bodies as unknown as Bodies, {});
  },
});
