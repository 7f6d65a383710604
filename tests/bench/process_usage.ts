/** CPU time and memory of a process and its children, from `/proc` of Linux. */

/** Sum over a process and all its descendants. */
export interface ProcessUsage {
  /** CPU time since the start, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory in MiB. Shared pages count once per process. */
  readonly rssMib: number;
}

/** Unit of CPU time in /proc, `USER_HZ`: 100 on every architecture that Deno supports. */
const TICKS_PER_SECOND = 100;

/** Returns the usage of a process; `undefined` if there is no such process, or no `/proc`. */
export async function processUsage(pid: number): Promise<ProcessUsage | undefined> {
  const own = await usageOf(pid);
  if (own === undefined) return undefined;
  const children = await Promise.all((await childrenOf(pid)).map(processUsage));
  return children.reduce<ProcessUsage>((sum, usage) => ({
    cpuSeconds: sum.cpuSeconds + (usage?.cpuSeconds ?? 0),
    rssMib: sum.rssMib + (usage?.rssMib ?? 0),
  }), own);
}

async function usageOf(pid: number): Promise<ProcessUsage | undefined> {
  const fields = await statFields(pid);
  const status = await readProc(`${pid}/status`);
  const [, kib] = /VmRSS:\s+(\d+)/.exec(status ?? "") ?? [];
  if (fields === undefined || kib === undefined) return undefined;
  // utime and stime are the 14th and 15th field of /proc/PID/stat, see proc(5).
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssMib: Number(kib) / 1_024 };
}

async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = (await statFields(Number(name)))?.[1];
    if (parent === `${pid}`) children.push(Number(name));
  }
  return children;
}

/** Returns the fields from the third on. The second one is a name that may contain spaces and parentheses. */
async function statFields(pid: number): Promise<string[] | undefined> {
  const stat = await readProc(`${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Processes may end while they are counted. */
async function readProc(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(`/proc/${path}`);
  } catch {
    return undefined;
  }
}
