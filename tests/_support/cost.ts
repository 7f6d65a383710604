/** What work costs, whatever else the machine does. */

import { cpuUsage } from "node:process";

/**
 * Measures some work by the clock and by the CPU time of this process, and takes the smaller: other processes lengthen
 * the one, and V8's helper threads the other.
 *
 * @param work What is measured; nothing else may run in the process.
 * @returns Its cost in milliseconds.
 */
export async function costMs(work: () => unknown): Promise<number> {
  const before = cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = cpuUsage(before);
  return Math.min(performance.now() - started, (user + system) / 1_000);
}

/**
 * Measures how many times as much some work costs as some other. They take turns, and the least of several is compared:
 * whatever else runs can only make one of them dearer, and a slow machine slows both.
 *
 * @param work What is measured.
 * @param baseline What it is compared with; it should take milliseconds, or the clock decides.
 * @param rounds How often each is done.
 * @returns The cost of the one, divided by that of the other.
 */
export async function costRatio(work: () => unknown, baseline: () => unknown, rounds = 5): Promise<number> {
  let [workMs, baselineMs] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    baselineMs = Math.min(baselineMs, await costMs(baseline));
    workMs = Math.min(workMs, await costMs(work));
  }
  return workMs / baselineMs;
}
