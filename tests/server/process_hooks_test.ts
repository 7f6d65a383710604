import { assertEquals } from "@std/assert";

import { captureUncaughtErrors, silenceLegacyAbortNotice } from "../../src/server/process_hooks.ts";

Deno.test("silenceLegacyAbortNotice() suppresses that notice, and no other warning", () => {
  const warnings: unknown[][] = [];
  const target = { warn: (...data: unknown[]) => void warnings.push(data) };
  silenceLegacyAbortNotice(target);
  target.warn("another", 1);
  target.warn("Deno.serve: request.signal aborts on successful responses (legacy behavior). To detect …");
  target.warn("a third");
  assertEquals(warnings, [["another", 1], ["a third"]]);
});

Deno.test("captureUncaughtErrors() reports uncaught errors, and keeps the process alive", async () => {
  const reported: [string, unknown][] = [];
  const both = Promise.withResolvers<void>();
  const restore = captureUncaughtErrors((message, error) => {
    if (reported.push([message, error]) === 2) both.resolve();
  });
  Promise.reject("rejected");
  setTimeout(() => {
    throw "thrown";
  });
  await both.promise;
  restore();
  assertEquals(reported.toSorted(), [
    ["error thrown unexpectedly", "thrown"],
    ["promise rejected unexpectedly", "rejected"],
  ]);
});
