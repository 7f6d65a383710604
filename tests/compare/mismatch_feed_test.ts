/** The feed of mismatches, and the events and log lines of comparisons. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { comparedEvent, type Comparison } from "../../src/compare/comparison.ts";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { mismatchEntryOf, MismatchFeed } from "../../src/compare/mismatch_feed.ts";
import { respondMismatches } from "../../src/compare/admin_responses.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { ComparedEvent } from "../../src/observe/events.ts";
import { createLogger, formatJson, type LogLevel } from "../../src/observe/log.ts";
import { createPrettyFormat } from "../../src/observe/log_pretty.ts";
import { capturedStatus, comparison } from "../_support/comparisons.ts";

const CONTEXT = { endpoint: "GET /users/{id}", hasValues: true, timeMs: 1_700_000_000_000 };

function feedOf(...comparisons: readonly Comparison[]): MismatchFeed {
  const feed = new MismatchFeed({ maxEntries: 3 });
  for (const each of comparisons) {
    const entry = mismatchEntryOf(each, CONTEXT);
    if (entry !== undefined) feed.add(entry);
  }
  return feed;
}

async function linesOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text();
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

function requestFeed(query: string, feed: MismatchFeed | undefined): Response {
  return respondMismatches(new Request(`http://admin/api/mismatches${query}`), feed);
}

Deno.test("MismatchFeed has no entries for matches and noise", async () => {
  const feed = feedOf(comparison(["status"]), comparison(), comparison(["$.time"], { isNoise: true }));
  const response = requestFeed("", feed);
  assertEquals(response.headers.get("content-type"), "application/x-ndjson");
  assertEquals(await linesOf(response), [{
    id: 1,
    timeMs: 1_700_000_000_000,
    requestId: "id-1",
    route: "pathPrefix /api",
    endpoint: "GET /users/{id}",
    service: "v2",
    method: "GET",
    path: "/api/users/1",
    differences: [{ path: "status", kind: "changed", expected: "1", actual: "2" }],
  }]);
});

Deno.test("MismatchFeed continues after an id, keeps the latest entries, and returns all for an id from before a restart", async () => {
  const feed = feedOf(...[1, 2, 3, 4, 5].map((n) => comparison([`$.f${n}`])));
  const idsAfter = async (query: string) => (await linesOf(requestFeed(query, feed))).map(({ id }) => id);
  assertEquals(await idsAfter(""), [3, 4, 5]);
  assertEquals(await idsAfter("?after=4"), [5]);
  assertEquals(await idsAfter("?after=5"), []);
  assertEquals(await idsAfter("?after=99"), [3, 4, 5]);
});

Deno.test("respondMismatches() sends 400 for an invalid id, 404 if comparison is off, and 405 for other methods", async () => {
  const refused = requestFeed("?after=-1", feedOf());
  assertEquals(refused.status, 400);
  assertEquals((await refused.json()).detail, '"after" must be the id of an entry: found "-1"');
  assertEquals(requestFeed("", undefined).status, 404);
  assertEquals(respondMismatches(new Request("http://admin/", { method: "DELETE" }), feedOf()).status, 405);
});

Deno.test("mismatchEntryOf() limits the size of an entry, and omits values if samples are off", () => {
  const long = "x".repeat(100_000);
  const differences = Array.from({ length: 1_000 }, (_, n) => ({
    path: `$.${n}${long}`,
    kind: "changed" as const,
    expected: long,
    actual: long,
  }));
  const hostile = comparison([], { path: long, requestId: long, method: long, differences });
  const entry = mismatchEntryOf(hostile, CONTEXT)!;
  assert(JSON.stringify(entry).length < 16_384);
  assertEquals([entry.differences.length, entry.more], [10, 990]);
  const withoutValues = mismatchEntryOf(comparison(["$.a"]), { ...CONTEXT, hasValues: false })!;
  assertEquals(withoutValues.differences, [{ path: "$.a", kind: "changed" }]);
});

const FAILED = { ok: false, kind: "timeout", durationMs: 10 } as const;

const RESULTS: readonly (readonly [Comparison, ComparedEvent["result"], LogLevel, string])[] = [
  [comparison(), "match", "debug", "responses match"],
  [comparison(["$.a"]), "mismatch", "info", "responses differ"],
  [comparison(["outcome"], { actual: FAILED }), "missing", "info", "response missing"],
  [comparison([], { expected: FAILED, actual: FAILED }), "match", "debug", "responses match"],
  [
    comparison(["$.a"], { isNoise: true, actual: capturedStatus(500) }),
    "noise",
    "debug",
    "primary compared with itself",
  ],
];

for (const [compared, result, level, message] of RESULTS) {
  Deno.test(`a comparison with result ${result} and ${compared.differences.length} differences is logged at ${level}`, () => {
    const event = comparedEvent(compared);
    assertEquals(event.result, result);
    const lines: string[] = [];
    createLogger({ level: "debug", format: formatJson, write: (line) => lines.push(line) > 0, now: () => 0 })
      .observe(event);
    const { requestId, route, service } = compared;
    const paths = compared.differences.map(({ path }) => path);
    const time = "1970-01-01T00:00:00.000Z";
    assertEquals(JSON.parse(lines[0]!), { time, level, message, requestId, route, service, result, paths });
  });
}

Deno.test("comparedEvent() has at most ten paths", () => {
  const paths = Array.from({ length: 11 }, (_, n) => `$.f${n}`);
  assertEquals(comparedEvent(comparison(paths)).paths, paths.slice(0, 10));
});

Deno.test("a logged comparison is one line without control characters", () => {
  const lines: string[] = [];
  const format = createPrettyFormat({ color: false });
  const { observe } = createLogger({ level: "debug", format, write: (line) => lines.push(line) > 0 });
  observe(comparedEvent(comparison(["$.a", '$["\u001b b"]'])));
  observe(comparedEvent(comparison()));
  observe(comparedEvent(comparison(["$.time"], { isNoise: true, service: "control" })));
  assertMatch(lines[0]!, /INFO {2}response of v2 differs from the primary: \$\.a, \$\["\\x1b\\x20b"\] id-1\n$/);
  assertMatch(lines[1]!, /DEBUG response of v2 matches the primary id-1\n$/);
  assertStringIncludes(lines[2]!, "primary compared with itself (control): $.time id-1\n");
});

for (const format of [formatJson, createPrettyFormat({ color: false })]) {
  Deno.test(`at most ten mismatches are logged per second, with the number of suppressed ones, as ${format.name || "pretty"}`, () => {
    const lines: string[] = [];
    using time = new FakeTime();
    const { observe } = createLogger({ level: "info", format, write: (line) => lines.push(line) > 0 });
    for (let n = 0; n < 25; n++) observe(comparedEvent(comparison(["$.time"])));
    assertEquals(lines.length, 10);
    time.tick(1_000);
    assertEquals(lines.length, 11);
    assertMatch(lines[10]!, /more responses compared.*suppressed(?:":|=)15/);
    observe(comparedEvent(comparison(["$.time"])));
    observe(comparedEvent(comparison(["$.time"])));
    assertEquals(lines.length, 13);
  });
}

Deno.test("every comparison is logged at level debug", () => {
  const lines: string[] = [];
  const { observe } = createLogger({ level: "debug", format: formatJson, write: (line) => lines.push(line) > 0 });
  for (let n = 0; n < 25; n++) observe(comparedEvent(comparison(["$.time"])));
  assertEquals(lines.length, 25);
});

Deno.test("ComparisonStore counts all mismatches, and lists fifty per second", () => {
  using time = new FakeTime(1_700_000_000_000);
  const { config } = validateConfig({
    compare: true,
    services: [
      { name: "v1", url: "http://localhost:1", pathPrefix: "/api", primary: true },
      { name: "v2", url: "http://localhost:2", pathPrefix: "/api" },
    ],
  });
  const comparisons = new ComparisonStore();
  const count = comparisons.reconfigure(config);
  const add = () => count.add(comparison(["$.time"]), { endpoint: "GET /users/{id}", samples: "values" });
  for (let n = 0; n < 60; n++) add();
  const { stats, mismatches } = comparisons.read(0);
  assertEquals([stats?.services[0]?.compared, mismatches.length], [60, 50]);
  time.tick(1_000);
  add();
  assertEquals(comparisons.read(50).mismatches.length, 1);
});
