/** Time, memory and descriptors of the process, as far as its permissions allow. */

import type { ProcessStats } from "../observe/metrics_snapshot.ts";

/** Deno requires all permissions to read below this folder, on Linux. */
const PROC = "/proc/self";
const PERMISSIONS = ["read", "write", "net", "env", "run", "ffi", "sys"] as const;

/** The part of Node.js' `process` that all runtimes have without an import and without permissions. */
interface NodeProcess {
  /** Returns the memory in use, in bytes. */
  memoryUsage(): Deno.MemoryUsage;
  /** Returns the CPU time of all threads, in microseconds. */
  cpuUsage(): { readonly user: number; readonly system: number };
}

/** Returns the figures of the process. Never prompts for a permission. */
export function processStats(): ProcessStats {
  const { process } = globalThis as { process?: NodeProcess };
  const usage = "Deno" in globalThis ? Deno.memoryUsage() : process?.memoryUsage();
  if (usage === undefined) return {};
  const { rss, heapTotal, heapUsed, external } = usage;
  const memory = { residentBytes: rss, heapTotalBytes: heapTotal, heapBytes: heapUsed, externalBytes: external };
  return { ...memory, ...(process !== undefined && timesOf(process)), ...procStats() };
}

function timesOf(process: NodeProcess): Pick<ProcessStats, "startedMs" | "cpuMs"> {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, startedMs: performance.timeOrigin };
}

function procStats(): Pick<ProcessStats, "descriptors" | "maxDescriptors" | "virtualBytes"> {
  if (!("Deno" in globalThis) || Deno.build.os !== "linux") return {};
  // Without all permissions Deno would prompt or throw.
  if (PERMISSIONS.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) return {};
  try {
    // Do not count the descriptor of this directory listing.
    const descriptors = [...Deno.readDirSync(`${PROC}/fd`)].length - 1;
    const [, limit = ""] = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync(`${PROC}/limits`)) ?? [];
    const [, kilobytes = ""] = /^VmSize:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`${PROC}/status`)) ?? [];
    return {
      descriptors,
      ...(limit !== "" && { maxDescriptors: Number(limit) }),
      ...(kilobytes !== "" && { virtualBytes: Number(kilobytes) * 1_024 }),
    };
  } catch {
    return {};
  }
}
