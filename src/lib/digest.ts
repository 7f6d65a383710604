/** A fast, non-cryptographic digest of streamed bytes. */

/**
 * Digests bytes chunk by chunk. The result does not depend on the chunk boundaries.
 *
 * Two different inputs have the same digest by accident once in 2^64. An adversary can construct collisions.
 *
 * @example Usage
 * ```ts ignore
 * const digest = new Digest();
 * for await (const chunk of body) digest.update(chunk);
 * digest.toString(); // 16 hexadecimal digits
 * ```
 */
export class Digest {
  #first = 0x243f6a88;
  #second = 0x85a308d3;
  /** Up to three bytes that do not fill a word yet; the first byte is the least significant. */
  #pending = 0;
  #pendingBytes = 0;
  #length = 0;

  /** Adds a chunk. The chunk is not retained. */
  update(chunk: Uint8Array): void {
    this.#length += chunk.length;
    let at = 0;
    while (this.#pendingBytes > 0 && at < chunk.length) this.#addByte(chunk[at++]!);
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = chunk.length - 3;
    for (; at < end; at += 4) this.#addWord(view.getInt32(at, true));
    while (at < chunk.length) this.#addByte(chunk[at++]!);
  }

  /** Returns the digest of all chunks so far as 16 hexadecimal digits. */
  toString(): string {
    let first = mix(this.#first ^ this.#pending, this.#length);
    let second = mix(this.#second ^ this.#pending, this.#length + this.#pendingBytes);
    first = mix(first, second);
    second = mix(second, first);
    return [first, second].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #addByte(byte: number): void {
    this.#pending |= byte << (8 * this.#pendingBytes);
    if (++this.#pendingBytes < 4) return;
    this.#addWord(this.#pending);
    this.#pending = 0;
    this.#pendingBytes = 0;
  }

  #addWord(word: number): void {
    this.#first = Math.imul((this.#first ^ word) << 13 | (this.#first ^ word) >>> 19, 0x9e3779b1);
    this.#second = Math.imul(this.#second ^ word ^ (this.#first >>> 7), 0x5f356495) + 0x2545f491 | 0;
  }
}

function mix(hash: number, salt: number): number {
  let mixed = Math.imul(hash ^ salt ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
