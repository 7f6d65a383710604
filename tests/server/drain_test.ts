import { assertEquals, assertRejects } from "@std/assert";

import { AttemptsInFlight, drain } from "../../src/server/drain.ts";

Deno.test("AttemptsInFlight counts attempts until all have settled", async () => {
  const context = { requestId: "r", route: "path /", service: "a", role: "shadow" } as const;
  const inFlight = new AttemptsInFlight();
  await inFlight.idle();
  inFlight.observe({ type: "attempted", ...context, atMs: 0, hedge: false });
  inFlight.observe({ type: "attempted", ...context, atMs: 0, hedge: false });
  let isIdle = false;
  const idle = inFlight.idle().then(() => isIdle = true);
  inFlight.observe({ type: "settled", ...context, success: true, status: 200, durationMs: 1 });
  await Promise.resolve();
  assertEquals([inFlight.count, isIdle], [1, false]);
  inFlight.observe({ type: "settled", ...context, success: true, status: 200, durationMs: 1 });
  await idle;
  assertEquals(inFlight.count, 0);
});

Deno.test("drain() returns the reason for its end", async () => {
  const never = new Promise<never>(() => {});
  const done = Promise.resolve();
  assertEquals(await drain(done, { timeoutMs: 60_000, interruption: never }), "finished");
  assertEquals(await drain(never, { timeoutMs: 60_000, interruption: done }), "interrupted");
  assertEquals(await drain(never, { timeoutMs: 1, interruption: never }), "timed-out");
  await assertRejects(() => drain(Promise.reject(new Error("bug")), { timeoutMs: 60_000, interruption: never }), "bug");
});
