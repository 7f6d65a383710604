/** States of an attempt, and the order of its events. */

import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { validateConfig } from "../../src/config/validate.ts";
import { KeyedSemaphore } from "../../src/lib/keyed_semaphore.ts";
import { TimeoutQueues } from "../../src/lib/timeout_queues.ts";
import { Attempt, ResponseOutcome, type UpstreamResponse } from "../../src/upstream/attempt.ts";

const { services: [service] } =
  validateConfig({ timeout: "1s", services: [{ name: "a", url: "http://a.test" }] }).config;
const LIMITS = { max: 1, maxQueued: 1 };

/** Starts attempts that share one permit, and logs their events, each with the state of the attempt. */
function starter(): { start(): Attempt; readonly log: string[] } {
  const log: string[] = [];
  const semaphore = new KeyedSemaphore();
  const listener = {
    deadlines: new TimeoutQueues(() => Date.now()),
    now: () => Date.now(),
    onSettle: ({ state, outcome }: Attempt) => void log.push(`${state}: ${outcome?.ok ? "response" : outcome?.kind}`),
    onFinish: ({ state }: Attempt) => void log.push(state),
  };
  return {
    log,
    start: () => new Attempt({ service: service!, role: "primary" }, semaphore.acquire("a", LIMITS), listener),
  };
}

function responseOf(body: UpstreamResponse["body"]): ResponseOutcome {
  return new ResponseOutcome({ status: 200, headers: [], body }, true);
}

Deno.test("Attempt settles before it finishes, whatever its outcome", () => {
  const outcomes = [{ ok: false, kind: "reset" } as const, responseOf(null), responseOf(new Uint8Array(1))];
  for (const outcome of outcomes) {
    const { start, log } = starter();
    const attempt = start();
    assertEquals(attempt.state, "queued");
    attempt.markSent();
    assertEquals(attempt.state, "sent");
    attempt.settle(outcome);
    assertEquals(log, [`settled: ${outcome.ok ? "response" : outcome.kind}`, "finished"]);
  }
});

Deno.test("Attempt with a streaming response finishes when its body has been read or is aborted", () => {
  for (const end of ["finish", "abort"] as const) {
    const { start, log } = starter();
    const attempt = start();
    attempt.markSent();
    attempt.settle(responseOf(new ReadableStream()));
    assertEquals([attempt.state, log], ["settled", ["settled: response"]]);
    if (end === "finish") attempt.finish();
    else attempt.abort("aborted");
    assertEquals([attempt.state, attempt.cancellation.aborted], ["finished", end === "abort"]);
    attempt.finish();
    attempt.abort("timeout");
    assertEquals(log, ["settled: response", "finished"]);
    assertEquals(attempt.abortReason, end === "abort" ? "aborted" : "timeout");
  }
});

Deno.test("Attempt never moves back: later outcomes and sends are ignored", () => {
  const { start, log } = starter();
  const attempt = start();
  attempt.abort("aborted");
  attempt.markSent();
  attempt.settle(responseOf(null));
  assertEquals([attempt.state, attempt.outcome], ["finished", { ok: false, kind: "aborted" }]);
  assertEquals(log, ["settled: aborted", "finished"]);
});

Deno.test("Attempt that times out fails as queue-timeout in the queue, and as timeout after it was sent", async () => {
  using time = new FakeTime();
  const { start, log } = starter();
  const sent = start();
  sent.markSent();
  const queued = start();
  await time.tickAsync(1_500);
  assertEquals([sent.outcome, queued.outcome], [{ ok: false, kind: "timeout" }, { ok: false, kind: "queue-timeout" }]);
  assertEquals(log, ["settled: timeout", "finished", "settled: queue-timeout", "finished"]);
});

Deno.test("Attempt passes its permit on when it finishes, not when it settles", async () => {
  const { start } = starter();
  const first = start();
  const second = start();
  let isAcquired = false;
  const acquiring = second.acquired().then(() => isAcquired = true);
  first.settle(responseOf(new ReadableStream()));
  for (let turn = 0; turn < 10; turn++) await undefined;
  assertEquals(isAcquired, false);
  first.finish();
  await acquiring;
  second.abort("aborted");
});
