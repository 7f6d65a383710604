/** Resources of a process, and of the machine, from `/proc` of Linux. */

import { processUsage } from "../process_usage.ts";

/** Resources of a process at one moment. */
export interface ProcessState {
  /** CPU time since the start, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory, in MiB. */
  readonly rssMib: number;
  /** Open descriptors, without pooled connections. */
  readonly descriptors: number;
}

/** CPU time of the whole machine since its start, in seconds. */
export interface MachineState {
  /** All processes, and the time that the hypervisor took. */
  readonly busySeconds: number;
  /** Busy and idle time. */
  readonly allSeconds: number;
}

/** `USER_HZ`, as in {@linkcode processUsage}. */
const TICKS_PER_SECOND = 100;

/**
 * Returns the resources of a process. Connections to `pooledPorts` are not counted, because idle ones are kept for a
 * minute.
 */
export async function processState(pid: number, pooledPorts: readonly number[]): Promise<ProcessState> {
  const usage = await processUsage(pid);
  if (usage === undefined) throw new Error(`Cannot inspect process ${pid}: it has ended`);
  const pooled = await socketsTo(pooledPorts);
  let descriptors = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => undefined);
    // The descriptor may have been closed in the meantime.
    if (target !== undefined && !pooled.has(target)) descriptors++;
  }
  return { ...usage, descriptors };
}

/** Parses the first line of /proc/stat, see proc(5). */
export async function machineState(): Promise<MachineState> {
  const [line = ""] = (await Deno.readTextFile("/proc/stat")).split("\n");
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, count) => sum + count, 0);
  const [, , , idle = 0, ioWait = 0] = ticks;
  return { busySeconds: (all - idle - ioWait) / TICKS_PER_SECOND, allSeconds: all / TICKS_PER_SECOND };
}

/** Returns the targets of the descriptors' links. */
async function socketsTo(ports: readonly number[]): Promise<ReadonlySet<string>> {
  const suffixes = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
  const sockets = new Set<string>();
  for (const line of (await Deno.readTextFile("/proc/net/tcp")).split("\n")) {
    // Field 3 is the remote address, field 10 the inode.
    const fields = line.trim().split(/\s+/);
    if (suffixes.some((suffix) => fields[2]?.endsWith(suffix))) sockets.add(`socket:[${fields[9]}]`);
  }
  return sockets;
}
