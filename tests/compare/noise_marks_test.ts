import { assert, assertEquals } from "@std/assert";
import { MarkIndex, type NoiseMark, NoiseMarks } from "../../src/compare/noise_marks.ts";

Deno.test("MarkIndex covers values inside a marked field, and only at its route, endpoint and service", () => {
  const scope = { route: "pathPrefix /a", endpoint: "GET /a", service: "v2" };
  const isMarked = (mark: NoiseMark, path = "$.meta", at = scope) => new MarkIndex([mark]).at(at)(path) !== undefined;
  const mark = { route: "pathPrefix /a", path: "$.meta" };
  for (const path of ["$.meta", "$.meta (same form)", "$.meta.time", "$.meta[*]", '$.meta["a b"].c']) {
    assert(isMarked(mark, path), path);
  }
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
    - "$.time" # pathPrefix /
    - { endpoint: "GET /users/{id}", path: "$.time" }
services:
  - name: "v2"
    compare:
      ignore:
        - { endpoint: "GET /\\n# x", path: "$[\\"a\\nb\\"]" }
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

Deno.test("NoiseMarks keeps the time of a mark, and removes it by its scope and path", () => {
  let nowMs = 5;
  const marks = new NoiseMarks(() => nowMs++);
  const mark = { route: "r", path: "$.a", endpoint: "GET /a" };
  marks.add(mark);
  marks.add(mark);
  assertEquals(marks.list(), [{ ...mark, timeMs: 5 }]);
  assert(!marks.remove({ route: "r", path: "$.a" }));
  assert(marks.remove(mark));
  assertEquals(marks.list(), []);
});
