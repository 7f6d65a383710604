/** Text that is kept for long. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Cuts a text, and copies it: a part of a long text may keep the whole of it in memory (V8's sliced strings), and the parts
 * that are kept here come from bodies.
 *
 * @param text The text.
 * @param maxLength How many UTF-16 units of it are kept.
 * @returns The beginning, with `…` where it was cut.
 */
export function detachString(text: string, maxLength: number): string {
  const kept = DECODER.decode(ENCODER.encode(text.slice(0, maxLength)));
  return text.length > maxLength ? `${kept}…` : kept;
}
