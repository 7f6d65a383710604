/**
 * Small pieces of memory, cut from large ones. Memory outside the heap costs half a microsecond to get, and as much to
 * collect, whatever its size; most answers are small.
 */

/** A piece of memory that is cut up, in bytes. */
const SLAB_BYTES = 65_536;
/** What is larger gets memory of its own, in bytes. */
const MAX_PIECE_BYTES = 8_192;

let slab = new Uint8Array(0);
let used = 0;

/**
 * Copies bytes to where they can stay.
 *
 * @param bytes What to copy.
 * @returns The copy; it shares its memory, but no byte, with others.
 */
export function copyToSlab(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  if (length > MAX_PIECE_BYTES) return bytes.slice();
  if (used + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  const piece = slab.subarray(used, used += length);
  piece.set(bytes);
  return piece;
}
