/** Detection of changes in the files of a configuration. */

import { deadline } from "@std/async/deadline";
import { delay } from "@std/async/delay";
import { Digest } from "../lib/digest.ts";

/** State of a file at one moment. */
export interface Fingerprint {
  /** Identity, size and times of the file that the path leads to; `none` if there is no such file. */
  readonly status: string;
  /** Digest of the content; `none` if it cannot be read. */
  readonly content: string;
  /** True if no folder contains the file any more, for example because the source of a mounted file was replaced. */
  readonly isDeleted: boolean;
}

/** Fingerprint of each file, by path. */
export type Fingerprints = ReadonlyMap<string, Fingerprint>;

/** A watch of several files. */
export interface FileWatch {
  /** Resolves when a file differs from its fingerprint. Stays pending after `close()`. */
  readonly changed: Promise<"changed">;
  /** Stops watching. */
  close(): void;
}

/** Options of {@linkcode watchFiles}. */
export interface FileWatchOptions {
  /**
   * Interval between two checks of a file's status, in milliseconds.
   *
   * @default {500}
   */
  readonly pollMs?: number;
  /**
   * Interval between two checks of a file's content, in milliseconds.
   *
   * @default {5_000}
   */
  readonly contentPollMs?: number;
}

const MISSING = "none";
const MISSING_FILE: Fingerprint = { status: MISSING, content: MISSING, isDeleted: false };
const POLL_MS = 500;
const CONTENT_POLL_MS = 5_000;
/**
 * Time in milliseconds for which a changed file must stay the same: editors write several times, and the first half of
 * a configuration can be valid.
 */
const SETTLE_MS = 100;
/** Maximum periods of `SETTLE_MS`: a file that changes all the time must not delay the reload forever. */
const MAX_SETTLE_PERIODS = 20;
/** Timeout for the fingerprint of one file, in milliseconds. */
const FINGERPRINT_TIMEOUT_MS = 5_000;
/** Maximum bytes that a digest covers. A larger file is rejected by its readers. */
const MAX_DIGEST_BYTES = 4_194_304;

/**
 * Returns the fingerprint of a file. A file that cannot be found in time counts as missing. The fingerprint is taken
 * before the file is read, so that a change in between causes a second read. Symbolic links are followed.
 */
export function fingerprint(path: string): Promise<Fingerprint> {
  return deadline(readFingerprint(path), FINGERPRINT_TIMEOUT_MS).catch(() => MISSING_FILE);
}

/**
 * Watches files by polling the paths, so that a change of any link or mount on the way to a file is detected. The
 * runtime's watcher opens every new file in a watched folder, so a named pipe blocks its thread forever, and closing
 * the watcher then blocks the main thread.
 */
export function watchFiles(fingerprints: Fingerprints, options: FileWatchOptions = {}): FileWatch {
  const { pollMs = POLL_MS, contentPollMs = CONTENT_POLL_MS } = options;
  const { promise: changed, resolve } = Promise.withResolvers<"changed">();
  const closing = new AbortController();
  const { signal } = closing;

  /** Checks without a timeout: on a hanging mount, each further check would block another thread. */
  async function watch(path: string, known: Fingerprint): Promise<void> {
    let contentMs = 0;
    let info: Deno.FileInfo | undefined;
    do {
      await delay(pollMs, { signal });
      info = await readInfo(path);
      contentMs += pollMs;
      // Some changes leave the status as it is: times can be as coarse as 2 s, and secrets of one kind have one size.
      if (contentMs >= contentPollMs && statusOf(info) === known.status) {
        contentMs = 0;
        const content = await readContent(path, info);
        // A failed read, for example without a free descriptor, is no change: the status shows that a file has gone.
        if (content !== MISSING && content !== known.content) break;
      }
    } while (statusOf(info) === known.status);
    await settle(path, statusOf(info));
    resolve("changed");
  }

  async function settle(path: string, seen: string): Promise<void> {
    for (let period = 0; period < MAX_SETTLE_PERIODS; period++) {
      await delay(SETTLE_MS, { signal });
      const status = statusOf(await readInfo(path));
      if (status === seen) return;
      seen = status;
    }
  }

  for (const [path, known] of fingerprints) watch(path, known).catch(() => {});
  return { changed, close: () => closing.abort() };
}

async function readFingerprint(path: string): Promise<Fingerprint> {
  const info = await readInfo(path);
  return { status: statusOf(info), content: await readContent(path, info), isDeleted: info?.nlink === 0 };
}

async function readInfo(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}

function statusOf(info: Deno.FileInfo | undefined): string {
  if (info === undefined) return MISSING;
  const { dev, ino, nlink, size, mtime, ctime } = info;
  // `cp -p` and backup tools write in place and set `mtime` back; nothing but the system sets `ctime`.
  return [dev, ino, nlink, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}

/** Reads regular files only: opening a named pipe blocks until another process writes to it. */
async function readContent(path: string, info: Deno.FileInfo | undefined): Promise<string> {
  if (!info?.isFile) return MISSING;
  try {
    const file = await Deno.open(path);
    // Not `using`: bundlers include this file in programs for Node 20 and 22, which cannot parse it.
    try {
      const digest = new Digest();
      let left = MAX_DIGEST_BYTES;
      for await (const chunk of file.readable) {
        digest.update(chunk);
        left -= chunk.length;
        if (left <= 0) break;
      }
      return digest.toString();
    } finally {
      file[Symbol.dispose]();
    }
  } catch {
    return MISSING;
  }
}
