/** Comparisons of several workers: merged, since a time, and after a reset. */

import { assertEquals } from "@std/assert";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { type ComparingWorker, WorkerComparisons } from "../../src/server/worker_comparisons.ts";
import { comparison } from "../_support/comparisons.ts";

const { config } = validateConfig({
  compare: true,
  services: [
    { name: "v1", url: "http://localhost:1", primary: true },
    { name: "v2", url: "http://localhost:2", shadow: true },
  ],
});

interface Worker extends ComparingWorker {
  readonly store: ComparisonStore;
  add(): void;
}

function startWorker(time: { ms: number }): Worker {
  const store = new ComparisonStore({ now: () => time.ms });
  const counter = store.reconfigure(config);
  return {
    store,
    add: () => counter.add(comparison(["$.a"], { route: "path /" }), { endpoint: "GET /", samples: "values" }),
    request: ({ after, sinceMs }) => Promise.resolve({ comparisons: structuredClone(store.read(after, sinceMs)) }),
  };
}

Deno.test("WorkerComparisons adds up the comparisons since a time, and forgets those of before a reset", async () => {
  const time = { ms: 1_000_000 };
  const workers = [startWorker(time), startWorker(time), startWorker(time)];
  const merged = new WorkerComparisons();
  const comparedIn = async (sinceMs?: number) => {
    const { stats } = await merged.read(workers, 0, sinceMs);
    return stats?.services.reduce((sum, { compared }) => sum + compared, 0);
  };
  for (const worker of workers) worker.add();
  assertEquals(await comparedIn(), 3);
  const [crashed] = workers.splice(0, 1);
  merged.forget(crashed!);
  time.ms += 90_000;
  for (const worker of workers) worker.add();
  assertEquals([await comparedIn(), await comparedIn(time.ms - 1_000)], [5, 2]);

  for (const { store } of workers) store.reset();
  merged.reset();
  assertEquals(await comparedIn(), 0);
  workers[0]!.add();
  assertEquals(await comparedIn(), 1);
});
