import { assertEquals } from "@std/assert";
import { respondNoise } from "../../src/compare/admin_responses.ts";
import { parse as parseYaml } from "@std/yaml";
import { compareRules } from "../_support/comparisons.ts";
import { NoiseMarks } from "../../src/compare/noise_marks.ts";

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
  assertEquals(marks.list().map(({ route, path }) => [route, path]), [["pathPrefix /", "$.time"]]);
});

Deno.test("respondNoise() removes a mark, whatever trait its path shows, and sends the configuration that remains", async () => {
  const marks = new NoiseMarks();
  const mark = { route: "r", endpoint: "GET /a", path: "$.id" };
  await respondNoise(postOf(JSON.stringify({ ...mark, path: "$.id (same form)" })), marks);
  assertEquals(marks.list().map(({ path }) => path), ["$.id"]);
  const remove = (type: string) =>
    respondNoise(
      new Request("http://admin/api/noise", {
        method: "DELETE",
        body: JSON.stringify(mark),
        headers: { "content-type": type },
      }),
      marks,
    );
  assertEquals((await remove("text/plain")).status, 415);
  const removed = await remove("application/json");
  assertEquals([removed.status, await removed.text(), marks.list()], [200, "", []]);
  assertEquals((await remove("application/json")).status, 404);
});

Deno.test("the configuration that NoiseMarks prints is accepted, and ignores the field at that endpoint only", () => {
  const marks = new NoiseMarks();
  marks.add({ route: "pathPrefix /", endpoint: "GET /orders/{id}", path: "$.id" });
  const { compare } = parseYaml(marks.toYaml()) as { compare: Record<string, unknown> };
  const rules = compareRules(compare);
  assertEquals(rules.at("GET /orders/{id}").ignoresValue(["id"]), true);
  assertEquals(rules.at("GET /users/{id}").ignoresValue(["id"]), false);
  assertEquals(rules.ignoresValue(["id"]), false);
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
  assertEquals((await respondNoise(new Request(url, { method: "PUT" }), marks)).status, 405);
  for (let n = 0; n < 1_000; n++) marks.add({ route: "r", path: `$.f${n}` });
  const body = '{ "route": "r", "path": "$.more" }';
  assertEquals((await respondNoise(postOf(body), marks)).status, 409);
});
