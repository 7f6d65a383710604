/** Detection of changes in the files of a configuration. */

import { deadline } from "@std/async/deadline";
import { delay } from "@std/async/delay";

/** Fingerprint of each file, by path. It changes with the file. */
export type Fingerprints = ReadonlyMap<string, string>;

/** A watch of several files. */
export interface FileWatch {
  /** Resolves when a file differs from its fingerprint. Stays pending after `close()`. */
  readonly changed: Promise<"changed">;
  /** Stops watching. */
  close(): void;
}

const MISSING = "none";
/** Interval between two checks of a file, in milliseconds. */
const POLL_MS = 500;
/**
 * Time in milliseconds in which several changes count as one: editors write several times, or write a new file and
 * rename it.
 */
const SETTLE_MS = 100;
/** Timeout for the fingerprint of one file, in milliseconds. */
const FINGERPRINT_TIMEOUT_MS = 5_000;

/**
 * Returns the fingerprint of a file, or `none` if the file cannot be found in time. It is taken before the file is
 * read, so that a change in between causes a second read. Symbolic links are followed.
 */
export function fingerprint(path: string): Promise<string> {
  return deadline(readFingerprint(path), FINGERPRINT_TIMEOUT_MS).catch(() => MISSING);
}

/**
 * Watches files by polling. The runtime's watcher opens every new file in a watched folder, so a named pipe blocks its
 * thread forever, and closing the watcher then blocks the main thread.
 */
export function watchFiles(fingerprints: Fingerprints): FileWatch {
  const { promise: changed, resolve } = Promise.withResolvers<"changed">();
  const closing = new AbortController();
  const { signal } = closing;

  /** Checks without a timeout: on a hanging mount, each further check would block another thread. */
  async function watch(path: string, known: string): Promise<void> {
    do await delay(POLL_MS, { signal }); while (await readFingerprint(path) === known);
    await delay(SETTLE_MS, { signal });
    resolve("changed");
  }

  for (const [path, known] of fingerprints) watch(path, known).catch(() => {});
  return { changed, close: () => closing.abort() };
}

async function readFingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    // `cp -p` and backup tools write in place and set `mtime` back; nothing but the system sets `ctime`.
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  } catch {
    return MISSING;
  }
}
