/** CPU cost of a function, independent of other load on the machine. */

import { cpuUsage } from "node:process";

/**
 * Measures a function in milliseconds, as the smaller of elapsed time and CPU time: other processes lengthen the first,
 * V8's helper threads the second. Nothing else may run in this process.
 */
export async function costMs(work: () => unknown): Promise<number> {
  const before = cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = cpuUsage(before);
  return Math.min(performance.now() - started, (user + system) / 1_000);
}

/**
 * Returns the cost of a function divided by the cost of a baseline, which should take milliseconds. The rounds
 * alternate, and the minimum of each is used: other load only ever increases a cost, and a slow machine slows both.
 */
export async function costRatio(work: () => unknown, baseline: () => unknown, rounds = 5): Promise<number> {
  let [workMs, baselineMs] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    baselineMs = Math.min(baselineMs, await costMs(baseline));
    workMs = Math.min(workMs, await costMs(work));
  }
  return workMs / baselineMs;
}
