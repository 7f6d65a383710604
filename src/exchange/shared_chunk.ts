/** A piece of a body that several services are sent. */

import { reclaim } from "./reclaim.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** A piece, and how many have not passed it on yet. */
export class SharedChunk {
  /** The bytes. */
  readonly bytes: Chunk;
  #holders: number;
  readonly #reclaims: boolean;

  /**
   * Shares a piece.
   *
   * @param bytes The piece.
   * @param holders How many are given it.
   * @param reclaims Whether its memory is given back when all have passed it on.
   */
  constructor(bytes: Chunk, holders: number, reclaims: boolean) {
    this.bytes = bytes;
    this.#holders = holders;
    this.#reclaims = reclaims;
  }

  /** One of them has passed it on, or does not want it any more. */
  release(): void {
    if (--this.#holders === 0 && this.#reclaims) reclaim(this.bytes.buffer);
  }
}
