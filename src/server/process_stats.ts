/** What the process takes, as far as it may look. */

import type { ProcessStats } from "../observe/metrics_snapshot.ts";

/** One entry for each open descriptor, on Linux. Deno lets a process look there with all permissions only. */
const DESCRIPTORS = "/proc/self/fd";
const PERMISSIONS = ["read", "write", "net", "env", "run", "ffi", "sys"] as const;

/**
 * Looks at the process. Nobody is prompted for a permission.
 *
 * @returns What could be found out.
 */
export function processStats(): ProcessStats {
  const { rss, heapUsed } = Deno.memoryUsage();
  const descriptors = countDescriptors();
  return { residentBytes: rss, heapBytes: heapUsed, ...(descriptors !== undefined && { descriptors }) };
}

function countDescriptors(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  // Without all of them Deno would prompt here, or refuse.
  if (PERMISSIONS.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) return undefined;
  try {
    // The one that is open for looking is not counted.
    return [...Deno.readDirSync(DESCRIPTORS)].length - 1;
  } catch {
    return undefined;
  }
}
