import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";

import { logErrorTo } from "../../src/cli/start_log.ts";

Deno.test("logErrorTo() writes the source location of an error, and no content of a request", () => {
  const lines: unknown[][] = [];
  const onError = logErrorTo(() => ({ log: (...line) => lines.push(line), observe: () => {}, write: () => {} }));
  const errors = [
    () => new URL("http://[/?token=s3cr3t"),
    () => new Headers([["a", "s3cr3t\nhttp://a/?b"]]),
    () => {
      throw new TypeError("s3cr3t\n    at s3cr3t (file:///s3cr3t.ts:1:1)");
    },
  ];
  for (const fail of errors) {
    try {
      fail();
    } catch (error) {
      onError("request failed unexpectedly", error);
    }
  }
  onError("error thrown unexpectedly", "s3cr3t");
  onError("listener failed", new Error("Too many open files (os error 24)"));
  assertEquals(lines.length, 5);
  assertNotMatch(JSON.stringify(lines), /s3cr3t/);
  for (const [level, , fields] of lines.slice(0, 3)) {
    assertEquals(level, "error");
    assertMatch((fields as { error: string }).error, /^TypeError\n {4}at .*start_log_test\.ts/s);
  }
  assertEquals(lines[4]?.[2], { error: "Error: Too many open files (os error 24)" });
});
