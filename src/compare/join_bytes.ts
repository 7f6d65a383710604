/** Pieces of bytes as one. */

/**
 * Joins pieces.
 *
 * @param pieces The pieces, in their order.
 * @param length Their length together.
 * @returns The whole; a single piece is returned as it is.
 */
export function joinBytes(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
