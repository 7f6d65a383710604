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
