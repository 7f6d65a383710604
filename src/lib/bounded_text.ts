/** Bodies as text, in bounded memory. */

/**
 * Reads a body as UTF-8.
 *
 * @param body The body; `null` reads as an empty text.
 * @param maxBytes Maximum size of the body in bytes.
 * @returns The text; `undefined` if the body is larger.
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
