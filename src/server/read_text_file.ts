/** Reading of text files, with limits on size and time: a path may lead to a pipe, a device or a hanging mount. */

/** Maximum duration of reading one file, in milliseconds. */
const READ_TIMEOUT_MS = 5_000;

/** Names of Deno's errors by the codes of `node:fs`. */
const NAMES_BY_CODE: Readonly<Record<string, string>> = {
  ENOENT: "NotFound",
  ENOTDIR: "NotADirectory",
  ELOOP: "FilesystemLoop",
  EISDIR: "IsADirectory",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
};

/**
 * Reads a UTF-8 text file of at most `maxBytes`. Only regular files are read: opening a named pipe blocks until another
 * process writes to it. Throws an error of the runtime, or one with the name `NotAFile`, `IsADirectory`,
 * `FileTooLarge`, `TimeoutError` or `InvalidText`.
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  const read = "Deno" in globalThis ? readBytes : readBytesInNode;
  const bytes = await untilAborted(read(path, maxBytes), AbortSignal.timeout(READ_TIMEOUT_MS));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw namedError("InvalidText", cause);
  }
}

/**
 * Returns the result of a promise, or rejects with the reason of the signal if it is aborted first. Not `abortable()` of
 * `@std/async`, which needs `Promise.withResolvers`: Node 20 lacks it.
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Returns an environment variable, or `undefined` if it is not set. Throws without the permission. */
export function readVariable(name: string): string | undefined {
  return "Deno" in globalThis ? Deno.env.get(name) : nodeProcess().env[name];
}

/** Reports whether the system is Windows, whose paths differ. */
export function isWindows(): boolean {
  return "Deno" in globalThis ? Deno.build.os === "windows" : nodeProcess().platform === "win32";
}

interface NodeProcess {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

function nodeProcess(): NodeProcess {
  const { process } = globalThis as { readonly process?: NodeProcess };
  if (process === undefined) throw new Error("Cannot load a configuration: this runtime is not Deno, Node or Bun");
  return process;
}

async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  requireReadable(await Deno.stat(path), maxBytes);
  const file = await Deno.open(path);
  // Not `using`: bundlers include this file in programs for Node 20 and 22, which cannot parse it.
  try {
    // The path may have been replaced since the first check.
    requireReadable(await file.stat(), maxBytes);
    return await readAtMost(file.readable, maxBytes);
  } finally {
    file[Symbol.dispose]();
  }
}

async function readBytesInNode(path: string, maxBytes: number): Promise<Uint8Array> {
  const { open, stat } = await import("node:fs/promises");
  const check = (found: Awaited<ReturnType<typeof stat>>) =>
    requireReadable({ isFile: found.isFile(), isDirectory: found.isDirectory(), size: Number(found.size) }, maxBytes);
  try {
    check(await stat(path));
    const file = await open(path);
    try {
      check(await file.stat());
      return await readAtMost(file.createReadStream({ autoClose: false }), maxBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    const name = NAMES_BY_CODE[(error as { readonly code?: string }).code ?? ""];
    throw name === undefined ? error : namedError(name, error);
  }
}

async function readAtMost(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const read: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    // The size cannot be trusted: files grow, and files in `/proc` report 0.
    if (length > maxBytes) throw namedError("FileTooLarge");
    read.push(chunk as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(read).arrayBuffer());
}

type FileKind = Pick<Deno.FileInfo, "isFile" | "isDirectory" | "size">;

function requireReadable({ isFile, isDirectory, size }: FileKind, maxBytes: number): void {
  if (isDirectory) throw namedError("IsADirectory");
  if (!isFile) throw namedError("NotAFile");
  if (size > maxBytes) throw namedError("FileTooLarge");
}

function namedError(name: string, cause?: unknown): Error {
  const error = new Error(name, { cause });
  error.name = name;
  return error;
}
