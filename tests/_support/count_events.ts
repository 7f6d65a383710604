/**
 * Prints the heap allocation per counted event, in bytes. Runs as a separate process, because coverage counting keeps
 * V8 from optimising the code.
 */

import { validateConfig } from "../../src/config/validate.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import type { ConductorEvent } from "@zeek/conductor";

const ROUNDS = 5_000;
const BATCHES = 31;

const ABOUT = { requestId: "r-1", route: "path /" } as const;
const MEMBER = { ...ABOUT, service: "a", role: "primary" } as const;

/** Events of one request with one service, in the order in which a handler reports them. */
export const COUNTED_EVENTS: readonly ConductorEvent[] = [
  { type: "received", ...ABOUT },
  { type: "attempted", ...MEMBER, atMs: 0.5, hedge: false },
  { type: "skipped", ...MEMBER, reason: "not-sampled" },
  { type: "settled", ...MEMBER, success: true, status: 200, durationMs: 12.345 },
  { type: "responded", ...MEMBER, method: "GET", path: "/", status: 200, fallback: false, durationMs: 13.25 },
  { type: "relayed", ...MEMBER, requestBytes: 70_000, responseBytes: 3_000_000_000, durationMs: 14.5 },
];

function bytesPerEvent(): number {
  // The system's clock would allocate a number per request.
  const metrics = new Metrics(() => 0);
  metrics.reconfigure(validateConfig({ services: [{ name: "a", url: "http://a", path: "/" }] }).config);
  const countRounds = () => {
    for (let round = 0; round < ROUNDS; round++) {
      for (let index = 0; index < COUNTED_EVENTS.length; index++) metrics.observe(COUNTED_EVENTS[index]!);
    }
  };
  for (let warmUp = 0; warmUp < 40; warmUp++) countRounds();
  // Median, because a garbage collection makes the allocation of one batch negative.
  const batches = Array.from({ length: BATCHES }, () => {
    const before = Deno.memoryUsage().heapUsed;
    countRounds();
    return (Deno.memoryUsage().heapUsed - before) / (ROUNDS * COUNTED_EVENTS.length);
  }).sort((a, b) => a - b);
  return batches[Math.floor(BATCHES / 2)]!;
}

if (import.meta.main) console.log(bytesPerEvent());
