/** What a process holds and has used, and the machine beside it, as Linux tells it. */

import { processUsage } from "../process_usage.ts";

/** One look at a process. */
export interface ProcessState {
  /** CPU time since it started, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory, in MiB. */
  readonly rssMib: number;
  /** Open descriptors, but for connections that a pool may keep. */
  readonly descriptors: number;
}

/** What the whole machine has done since it started, in seconds of CPU time. */
export interface MachineState {
  /** All processes together, and what other machines took of this one. */
  readonly busySeconds: number;
  /** The same and the idle time. */
  readonly allSeconds: number;
}

/** `USER_HZ`, as in processUsage(). */
const TICKS_PER_SECOND = 100;

/**
 * Looks at a process.
 *
 * @param pid The process.
 * @param pooledPorts Connections to these ports of other processes do not count: idle ones are kept for a minute.
 * @returns What it holds, and has used.
 * @throws {Error} If there is no such process.
 */
export async function processState(pid: number, pooledPorts: readonly number[]): Promise<ProcessState> {
  const usage = await processUsage(pid);
  if (usage === undefined) throw new Error(`Cannot look at a process as it has ended: ${pid}`);
  const pooled = await socketsTo(pooledPorts);
  let descriptors = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => undefined);
    // It may have been closed meanwhile.
    if (target !== undefined && !pooled.has(target)) descriptors++;
  }
  return { ...usage, descriptors };
}

/** What the machine has done, from the first line of /proc/stat, see proc(5). */
export async function machineState(): Promise<MachineState> {
  const [line = ""] = (await Deno.readTextFile("/proc/stat")).split("\n");
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, count) => sum + count, 0);
  const [, , , idle = 0, ioWait = 0] = ticks;
  return { busySeconds: (all - idle - ioWait) / TICKS_PER_SECOND, allSeconds: all / TICKS_PER_SECOND };
}

/** As their descriptors link to them. */
async function socketsTo(ports: readonly number[]): Promise<ReadonlySet<string>> {
  const suffixes = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
  const sockets = new Set<string>();
  for (const line of (await Deno.readTextFile("/proc/net/tcp")).split("\n")) {
    // The third field is the address of the other side, the tenth the inode.
    const fields = line.trim().split(/\s+/);
    if (suffixes.some((suffix) => fields[2]?.endsWith(suffix))) sockets.add(`socket:[${fields[9]}]`);
  }
  return sockets;
}
