/** Small text files, read with a bound: a path may lead to an endless device. */

/**
 * Reads a text file.
 *
 * @param path The path.
 * @param maxBytes How long the file may be.
 * @returns The text; a byte order mark is dropped.
 * @throws An error of the runtime, or one named `FileTooLarge` or `InvalidText`.
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  using file = await Deno.open(path);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of file.readable) {
    length += chunk.length;
    if (length > maxBytes) throw namedError("FileTooLarge");
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await new Blob(chunks).arrayBuffer());
  } catch (cause) {
    throw namedError("InvalidText", cause);
  }
}

function namedError(name: string, cause?: unknown): Error {
  const error = new Error(name, { cause });
  error.name = name;
  return error;
}
