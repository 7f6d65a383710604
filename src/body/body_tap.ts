/** Looks on while a response's body passes, and neither holds it up nor changes it. */

/** Sees a body's pieces. */
export interface BodyTap {
  /** How much it wants to see, in bytes: a body that nobody else wants is read so far. */
  readonly maxBytes: number;
  /**
   * Sees a piece; what is to be kept of it must be copied.
   *
   * @param piece The bytes.
   */
  onChunk(piece: Uint8Array): void;
  /** There are no more: the body has been seen to its end. */
  end(): void;
}
