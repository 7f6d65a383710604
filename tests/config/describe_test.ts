import { assert, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { childPath, describe, parentPath, quote } from "../../src/config/schema/describe.ts";

const KEY = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.nat(),
  fc.constantFrom("a", "a-b", '"', "]", '"]', "\\", "x".repeat(70)),
);

Deno.test("parentPath() reverses childPath() for any key", () => {
  fc.assert(fc.property(fc.array(KEY, { minLength: 1, maxLength: 4 }), (keys) => {
    const paths = keys.map((_, index) => keys.slice(0, index + 1).reduce<string>(childPath, ""));
    assertEquals(paths.map(parentPath), ["", ...paths.slice(0, -1)]);
  }));
});

Deno.test("childPath() writes plain keys with a dot, others in quotes", () => {
  assertEquals(childPath(childPath(childPath("", "services"), 0), "X-A"), "services[0].X-A");
  assertEquals(childPath("headers", "a b"), 'headers["a b"]');
  assertEquals(childPath("", "x".repeat(65)), `["${"x".repeat(64)}…"]`);
});

Deno.test("quote() and describe() return one short line without terminal escapes", () => {
  fc.assert(fc.property(fc.anything(), fc.string({ unit: "binary" }), (value, text) => {
    for (const shown of [quote(text), describe(text), describe(value)]) {
      assert(shown.length < 450 && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(shown), shown);
    }
  }));
  assertEquals(quote("\u001b[31m\u202e"), '"\\u001b[31m\\u202e"');
});
