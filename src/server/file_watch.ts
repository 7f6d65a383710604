/** Files that are looked after: something is said when one of them has become another. */

import { delay } from "@std/async/delay";

/** What tells one state of each file from another, by the file's path. */
export type FileStamps = ReadonlyMap<string, string>;

/** Files that are being watched. */
export interface FileWatch {
  /** Fulfilled with `true` when a file differs from its stamp, with `false` when that will not be told any more. */
  readonly changed: Promise<boolean>;
  /** Stops watching. */
  close(): void;
}

/** Editors write several times, or write beside and rename over: what comes within this time is one change. */
const SETTLE_MS = 100;

/**
 * Takes a file's stamp. It is taken before the file is read: what changes in between is then read twice, not missed.
 *
 * @param path The path; links are followed.
 * @returns A text that differs where the file does.
 */
export async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtime } = await Deno.stat(path);
    return [dev, ino, size, mtime?.getTime()].join(" ");
  } catch {
    return "none";
  }
}

/**
 * Watches files by their folders: a file that is renamed over, or reached through a link that is turned (as Kubernetes
 * does), tells nothing itself. Whatever else happens in those folders costs a look at the stamps, ten times a second at
 * most.
 *
 * @param stamps The files, and their stamps from when they were read.
 * @returns The watch.
 * @throws An error of the runtime where a folder can not be watched.
 */
export function watchFiles(stamps: FileStamps): FileWatch {
  const watcher = Deno.watchFs([...new Set([...stamps.keys()].map(folderOf))], { recursive: false });
  const { promise: changed, resolve } = Promise.withResolvers<boolean>();
  const closing = new AbortController();
  let isSettling = false;

  async function settle(): Promise<void> {
    if (isSettling) return;
    isSettling = true;
    try {
      await delay(SETTLE_MS, { signal: closing.signal });
      isSettling = false;
      if (await differs(stamps)) resolve(true);
    } catch {
      // Closed: nobody asks any more.
    }
  }

  async function watch(): Promise<void> {
    try {
      for await (const _event of watcher) settle();
    } finally {
      resolve(false);
    }
  }

  watch().catch(() => {});
  settle();
  return {
    changed,
    close: () => {
      closing.abort();
      watcher.close();
    },
  };
}

async function differs(stamps: FileStamps): Promise<boolean> {
  for (const [path, stamp] of stamps) if (await stampOf(path) !== stamp) return true;
  return false;
}

function folderOf(path: string): string {
  const folder = path.replace(Deno.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/, "");
  return folder === "" ? "." : folder;
}
