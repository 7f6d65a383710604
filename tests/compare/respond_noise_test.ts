import { assertEquals } from "@std/assert";
import { respondNoise } from "../../src/compare/admin_responses.ts";
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
