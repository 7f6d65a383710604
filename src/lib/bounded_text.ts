/** Bodies as text, in bounded memory. */

/**
 * Reads a body as UTF-8.
 *
 * @param body The body; `null` reads as an empty text.
 * @param maxBytes Maximum number of bytes that are read.
 * @returns The text; `undefined` if there is more.
 */
export async function readBoundedText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
