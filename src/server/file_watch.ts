/** Reports when one of the files that a configuration was read from has changed. */

import { deadline } from "@std/async/deadline";
import { delay } from "@std/async/delay";

/** Stamp of each file by its path. The stamp is a text that changes with the file. */
export type Fingerprints = ReadonlyMap<string, string>;

/** A watch of several files. */
export interface FileWatch {
  /** Resolves when a file differs from its stamp; stays pending once the watch is closed. */
  readonly changed: Promise<"changed">;
  /** Stops watching. */
  close(): void;
}

const NO_STAMP = "none";
/** Interval between two checks of a file, in milliseconds. */
const POLL_MS = 500;
/**
 * Time in milliseconds in which several changes count as one: editors write several times, or write a new file and
 * rename it.
 */
const SETTLE_MS = 100;
/** Maximum duration of taking a stamp before a file is read, in milliseconds. */
const STAMP_TIMEOUT_MS = 5_000;

/**
 * Takes a file's stamp, before the file is read. A change in between then causes a second read and is not missed.
 *
 * @param path Path of the file; symbolic links are followed.
 * @returns The stamp; `none` if the file cannot be found in time.
 */
export function fingerprint(path: string): Promise<string> {
  return deadline(readStamp(path), STAMP_TIMEOUT_MS).catch(() => NO_STAMP);
}

/**
 * Watches files by polling. The runtime's watcher opens every new file in a watched folder. A named pipe blocks its
 * thread for ever, and closing the watcher then blocks the main thread.
 *
 * @param stamps Stamps of the files, taken before they were read.
 * @returns The watch.
 */
export function watchFiles(stamps: Fingerprints): FileWatch {
  const { promise: changed, resolve } = Promise.withResolvers<"changed">();
  const closing = new AbortController();
  const { signal } = closing;

  /** Checks without a timeout: on a hanging mount, each further check would block another thread. */
  async function watch(path: string, stamp: string): Promise<void> {
    do await delay(POLL_MS, { signal }); while (await readStamp(path) === stamp);
    await delay(SETTLE_MS, { signal });
    resolve("changed");
  }

  for (const [path, stamp] of stamps) watch(path, stamp).catch(() => {});
  return { changed, close: () => closing.abort() };
}

async function readStamp(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    // `cp -p` and backup tools write in place and set `mtime` back; nothing but the system sets `ctime`.
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  } catch {
    return NO_STAMP;
  }
}
