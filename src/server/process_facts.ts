/** What the system says of the process, as far as the permissions allow to look. */

/** Memory in bytes, and open descriptors. */
export interface ProcessFacts {
  /** What the process has in memory; absent where that can not be told. */
  readonly residentBytes?: number;
  /** What the main thread's objects take; absent where that can not be told. */
  readonly heapBytes?: number;
  /** Open files and connections; absent where that can not be told. */
  readonly descriptors?: number;
}

const DESCRIPTORS = "/proc/self/fd";

/**
 * Looks at the process.
 *
 * @returns What could be seen; nobody is asked for a permission.
 */
export async function readProcessFacts(): Promise<ProcessFacts> {
  const { rss, heapUsed } = Deno.memoryUsage();
  const descriptors = await countDescriptors();
  return { residentBytes: rss, heapBytes: heapUsed, ...(descriptors !== undefined && { descriptors }) };
}

async function countDescriptors(): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const { state } = await Deno.permissions.query({ name: "read", path: DESCRIPTORS });
    if (state !== "granted") return undefined;
    let count = 0;
    for await (const _ of Deno.readDir(DESCRIPTORS)) count++;
    return count;
  } catch {
    return undefined;
  }
}
