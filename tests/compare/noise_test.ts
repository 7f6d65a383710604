/** Judgement of fields, by hand and on synthetic data, and marks. */

import { assert, assertEquals } from "@std/assert";
import { type FieldCounts, judgeFields } from "../../src/compare/judge_fields.ts";
import { MarkIndex, type NoiseMark, NoiseMarks } from "../../src/compare/noise_marks.ts";
import { respondNoise } from "../../src/compare/admin_responses.ts";
import { simulate } from "../_support/noise_simulation.ts";

/** Parses "3/10 1/5": 3 of 10 comparisons with the service differ, and 1 of 5 of the primary with itself. */
function field(text: string, hasNoise = true): FieldCounts {
  const [service, noise] = text.split(" ").map((ratio) => {
    const [differing = 0, compared = 0] = ratio.split("/").map(Number);
    return { differing, compared };
  });
  return { service: service!, noise: noise!, hasNoise, isCollective: false };
}

const TIMESTAMP = "1000/1000 100/100";

const CASES: readonly (readonly [counts: string, judgement: string, why: string])[] = [
  ["5/5 0/5", "mismatch", "always differs, never by noise: five are enough"],
  ["4/4 0/4", "undecided", "four are not enough"],
  ["1000/1000 0/1", "mismatch", "one noise measurement is enough if all comparisons differ"],
  ["10/1000 0/1", "undecided", "one noise measurement is not enough if few comparisons differ"],
  ["1000/1000 1/1", "noise", "a timestamp, seen once"],
  [TIMESTAMP, "noise", "a timestamp"],
  ["100/1000 10/100", "noise", "the same rate"],
  ["50/1000 10/100", "noise", "a lower rate than the noise"],
  ["0/1000 10/100", "noise", "differs only by noise"],
  ["51000/100000 50000/100000", "noise", "significant, but within a fifth: Diffy's relative threshold"],
  ["80000/100000 50000/100000", "mismatch", "significant, and far above"],
  ["290/1000000 0/1000000", "undecided", "significant, but below 0.03 %: Diffy's absolute threshold"],
  ["310/1000000 0/1000000", "mismatch", "significant, and above it"],
];

for (const [counts, judgement, why] of CASES) {
  Deno.test(`judgeFields() judges ${counts} as ${judgement}: ${why}`, () => {
    assertEquals(judgeFields([field(counts)]), [judgement]);
  });
}

Deno.test("judgeFields() judges every difference as a mismatch without noise measurements", () => {
  assertEquals(judgeFields([field("1/1000 0/0", false), field(TIMESTAMP)]), ["mismatch", "noise"]);
});

Deno.test("judgeFields() does not excuse a field by noise if it stands for several fields", () => {
  assertEquals(judgeFields([{ ...field(TIMESTAMP), isCollective: true }]), ["undecided"]);
  assertEquals(judgeFields([{ ...field("5/5 0/5"), isCollective: true }]), ["mismatch"]);
});

Deno.test("judgeFields() requires more comparisons for more fields", () => {
  const timestamps = Array.from({ length: 20 }, () => field(TIMESTAMP));
  assertEquals(judgeFields([field("5/5 0/5"), ...timestamps])[0], "undecided");
  assertEquals(judgeFields([field("7/7 0/7"), ...timestamps])[0], "mismatch");
});

Deno.test("judgeFields() returns nothing for no fields", () => {
  assertEquals(judgeFields([]), []);
});

Deno.test("judgeFields() has false alarms in at most 1.5 % of the runs with 20 noisy fields, and none for timestamps", () => {
  for (const sizes of [[10, 10], [200, 20], [300, 300]] as const) {
    for (const noiseRate of [0.01, 0.1, 0.5]) {
      const { falseAlarms } = simulate({ noiseRate, sizes, seed: 7, runs: 400 });
      assert(falseAlarms <= 0.015, `${falseAlarms} at ${noiseRate}, ${sizes}`);
    }
    assertEquals(simulate({ noiseRate: 1, sizes, seed: 7, runs: 50 }).falseAlarms, 0);
  }
});

Deno.test("judgeFields() finds a regression that always differs with 10 comparisons among 20 noisy fields", () => {
  const { misses } = simulate({ noiseRate: 0.5, sizes: [10, 10], planted: [0, 1], seed: 8, runs: 400 });
  assertEquals(misses, 0);
});

Deno.test("judgeFields() misses a regression of 20 % in at most 2 % of the runs with 100 comparisons", () => {
  const { misses } = simulate({ noiseRate: 0.5, sizes: [100, 100], planted: [0, 0.2], seed: 9, runs: 400 });
  assert(misses <= 0.02, `${misses}`);
});

Deno.test("MarkIndex covers values inside a marked field, and only at its route, endpoint and service", () => {
  const scope = { route: "pathPrefix /a", endpoint: "GET /a", service: "v2" };
  const isMarked = (mark: NoiseMark, path = "$.meta", at = scope) => new MarkIndex([mark]).at(at)(path);
  const mark = { route: "pathPrefix /a", path: "$.meta" };
  for (const path of ["$.meta", "$.meta.time", "$.meta[*]", '$.meta["a b"].c']) assert(isMarked(mark, path), path);
  for (const path of ["$.metadata", "$", "$.x.meta"]) assert(!isMarked(mark, path), path);
  assert(isMarked({ ...mark, service: "v2" }));
  assert(isMarked({ ...mark, endpoint: "GET /a" }));
  assert(isMarked({ ...mark, service: "v2", endpoint: "GET /a" }));
  assert(!isMarked({ ...mark, service: "v3" }));
  assert(!isMarked({ ...mark, endpoint: "GET /b" }));
  assert(!isMarked({ ...mark, route: "pathPrefix /b" }));
});

Deno.test("NoiseMarks returns configuration for its marks, each field once", () => {
  const marks = new NoiseMarks();
  assertEquals(marks.toYaml(), "");
  const route = "pathPrefix /";
  marks.add({ route, path: "$.time" });
  marks.add({ route, path: "$.time", endpoint: "GET /users/{id}" });
  marks.add({ route, path: '$["a\nb"]', service: "v2", endpoint: "GET /\n# x" });
  marks.add({ route, path: "header:etag", service: "v2" });
  assertEquals(
    marks.toYaml(),
    `\
compare:
  ignore:
    - "$.time" # GET /users/{id}
services:
  - name: "v2"
    compare:
      ignore:
        - "$[\\"a\\nb\\"]" # GET /\\n# x
        - "header:etag" # pathPrefix /
`,
  );
});

Deno.test("NoiseMarks stores equal marks once, and at most 1,000 marks", () => {
  const marks = new NoiseMarks();
  for (let i = 0; i < 1_000; i++) assert(marks.add({ route: "r", path: `$.f${i}` }));
  assert(!marks.add({ route: "r", path: "$.more" }));
  assert(marks.add({ route: "r", path: "$.f0" }));
  assertEquals(marks.list().length, 1_000);
});

function postOf(body: string, type = "application/json"): Request {
  return new Request("http://admin/api/noise", { method: "POST", body, headers: { "content-type": type } });
}

Deno.test("respondNoise() refuses a mark from a form, which any page could send", async () => {
  const marks = new NoiseMarks();
  const response = await respondNoise(postOf('{ "route": "r", "path": "p" }', "text/plain"), marks);
  assertEquals([response.status, marks.list()], [415, []]);
});

Deno.test("respondNoise() adds a mark, and sends the configuration for it", async () => {
  const marks = new NoiseMarks();
  const post = (body: string) => respondNoise(postOf(body), marks);
  const marked = await post('{ "route": "pathPrefix /", "path": "$.time", "other": 1 }');
  const lines = 'compare:\n  ignore:\n    - "$.time" # pathPrefix /\n';
  assertEquals([marked.status, await marked.text()], [200, lines]);
  assertEquals(await (await respondNoise(new Request("http://admin/api/noise"), marks)).text(), lines);
  assertEquals(marks.list(), [{ route: "pathPrefix /", path: "$.time" }]);
});

const INVALID_MARKS = [
  "",
  "{",
  "null",
  "[]",
  '{ "route": "r" }',
  '{ "route": "r", "path": "" }',
  '{ "route": "r", "path": 1 }',
  '{ "route": "r", "path": "no path" }',
  '{ "route": "r", "path": "$.a[0]" }',
  '{ "route": "r", "path": "$.p", "service": null }',
  `{ "route": "r", "path": "$.${"x".repeat(1_025)}" }`,
  `{ "route": "r", "path": "$.p" ${" ".repeat(9_000)}}`,
];

for (const body of INVALID_MARKS) {
  Deno.test(`respondNoise() refuses ${body.slice(0, 50)} (${body.length})`, async () => {
    const marks = new NoiseMarks();
    const response = await respondNoise(postOf(body), marks);
    assertEquals([response.status, marks.list()], [400, []]);
  });
}

Deno.test("respondNoise() refuses other methods, and more than 1,000 marks", async () => {
  const marks = new NoiseMarks();
  const url = "http://admin/api/noise";
  assertEquals((await respondNoise(new Request(url, { method: "DELETE" }), marks)).status, 405);
  for (let n = 0; n < 1_000; n++) marks.add({ route: "r", path: `$.f${n}` });
  const body = '{ "route": "r", "path": "$.more" }';
  assertEquals((await respondNoise(postOf(body), marks)).status, 409);
});
