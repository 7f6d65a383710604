/** Reading of text files, with limits on size and time: a path may lead to a pipe, a device or a hanging mount. */

import { deadline } from "@std/async/deadline";

/** Maximum duration of reading one file, in milliseconds. */
const READ_TIMEOUT_MS = 5_000;

/**
 * Reads a UTF-8 text file of at most `maxBytes`. Only regular files are read: opening a named pipe blocks until another
 * process writes to it. Throws an error of the runtime, or one with the name `NotAFile`, `IsADirectory`,
 * `FileTooLarge`, `TimeoutError` or `InvalidText`.
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  const bytes = await deadline(readBytes(path, maxBytes), READ_TIMEOUT_MS);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw namedError("InvalidText", cause);
  }
}

async function readBytes(path: string, maxBytes: number): Promise<ArrayBuffer> {
  requireReadable(await Deno.stat(path), maxBytes);
  const file = await Deno.open(path);
  // Not `using`: bundlers include this file in programs for Node 20 and 22, which cannot parse it.
  try {
    // The path may have been replaced since the first check.
    requireReadable(await file.stat(), maxBytes);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for await (const chunk of file.readable) {
      length += chunk.length;
      // The size cannot be trusted: files grow, and files in `/proc` report 0.
      if (length > maxBytes) throw namedError("FileTooLarge");
      chunks.push(chunk);
    }
    return await new Blob(chunks).arrayBuffer();
  } finally {
    file[Symbol.dispose]();
  }
}

function requireReadable({ isFile, isDirectory, size }: Deno.FileInfo, maxBytes: number): void {
  if (isDirectory) throw namedError("IsADirectory");
  if (!isFile) throw namedError("NotAFile");
  if (size > maxBytes) throw namedError("FileTooLarge");
}

function namedError(name: string, cause?: unknown): Error {
  const error = new Error(name, { cause });
  error.name = name;
  return error;
}
