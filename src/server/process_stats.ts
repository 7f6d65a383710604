/** Memory and descriptors of the process, as far as its permissions allow. */

import type { ProcessStats } from "../observe/metrics_snapshot.ts";

/** One entry per open descriptor, on Linux. Deno requires all permissions to read it. */
const DESCRIPTORS = "/proc/self/fd";
const PERMISSIONS = ["read", "write", "net", "env", "run", "ffi", "sys"] as const;

/** Returns the figures of the process. Never prompts for a permission. */
export function processStats(): ProcessStats {
  const { rss, heapUsed } = Deno.memoryUsage();
  const descriptors = countDescriptors();
  return { residentBytes: rss, heapBytes: heapUsed, ...(descriptors !== undefined && { descriptors }) };
}

function countDescriptors(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  // Without all permissions Deno would prompt or throw.
  if (PERMISSIONS.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) return undefined;
  try {
    // Do not count the descriptor of this directory listing.
    return [...Deno.readDirSync(DESCRIPTORS)].length - 1;
  } catch {
    return undefined;
  }
}
