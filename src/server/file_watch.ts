/** Reports when one of the files that a configuration was read from has changed. */

import { deadline } from "@std/async/deadline";
import { delay } from "@std/async/delay";

/** State of each file by its path; a text that differs when the file does. */
export type FileStamps = ReadonlyMap<string, string>;

/** A watch of several files. */
export interface FileWatch {
  /** Resolves when a file differs from its stamp; stays pending once the watch is closed. */
  readonly changed: Promise<"changed">;
  /** Stops watching. */
  close(): void;
}

const NO_STAMP = "none";
/** Interval between two looks at a file, in milliseconds. */
const POLL_MS = 500;
/** Editors write several times, or write beside and rename over: what comes within this time is one change. */
const SETTLE_MS = 100;
/** Maximum duration of one look at a file before it is read, in milliseconds. */
const STAMP_TIMEOUT_MS = 5_000;

/**
 * Takes a file's stamp. Taken before the file is read: a change in between then causes a second read, and is not missed.
 *
 * @param path Path of the file; symbolic links are followed.
 * @returns The stamp; `none` for a file that cannot be found in time.
 */
export function stampOf(path: string): Promise<string> {
  return deadline(readStamp(path), STAMP_TIMEOUT_MS).catch(() => NO_STAMP);
}

/**
 * Watches files by looking at them. The runtime's watcher opens every file that is created in a watched folder: a named
 * pipe blocks its thread for good, and then the thread that closes the watcher.
 *
 * @param stamps Stamps of the files from when they were read.
 * @returns The watch.
 */
export function watchFiles(stamps: FileStamps): FileWatch {
  const { promise: changed, resolve } = Promise.withResolvers<"changed">();
  const closing = new AbortController();
  const { signal } = closing;

  /** A look without a timeout: on a mount that is stuck, each further one would block another thread. */
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
