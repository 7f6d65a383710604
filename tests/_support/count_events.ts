/** Prints how many bytes of heap one event costs when it is counted. A process of its own, as coverage keeps V8 from optimising. */

import { validateConfig } from "../../src/config/validate.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { COUNTED_EVENTS } from "./counted_events.ts";

const ROUNDS = 5_000;
const BATCHES = 31;

// The system's clock makes a number of its own, one for each request.
const metrics = new Metrics(() => 0);
metrics.reconfigure(validateConfig({ services: [{ name: "a", url: "http://a", path: "/" }] }).config);

function countRounds(): void {
  for (let round = 0; round < ROUNDS; round++) {
    for (let index = 0; index < COUNTED_EVENTS.length; index++) metrics.observe(COUNTED_EVENTS[index]!);
  }
}

for (let warmUp = 0; warmUp < 40; warmUp++) countRounds();
// The median: a collection in between makes one batch look as if it gave memory back.
const perEvent = Array.from({ length: BATCHES }, () => {
  const before = Deno.memoryUsage().heapUsed;
  countRounds();
  return (Deno.memoryUsage().heapUsed - before) / (ROUNDS * COUNTED_EVENTS.length);
}).sort((a, b) => a - b);
console.log(perEvent[Math.floor(BATCHES / 2)]);
