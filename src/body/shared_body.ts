/** A small request body in memory, sent to several services. */

import { detachBuffer } from "../lib/detach_buffer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A request body that is read once and sent to several services. Its memory is released as soon as all of them have
 * been sent it: with a few hundred bodies per second, uncollected memory makes V8 run a full collection every few
 * seconds.
 */
export class SharedBody {
  /** Size in bytes. Stays known after the memory has been released. */
  readonly length: number;
  readonly #bytes: Bytes;
  readonly #detachBuffer: boolean;
  #refs = 0;
  #isClosed = false;

  /** Takes over the bytes. `detachBuffer`: release their memory. Only if native code alone reads them. */
  constructor(bytes: Bytes, detachBuffer: boolean) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#detachBuffer = detachBuffer;
  }

  /** Returns a copy of the bytes, which outlives the body. */
  copy(): Bytes {
    return this.#bytes.slice();
  }

  /** Returns the bytes for one service. */
  acquire(): Bytes {
    this.#refs++;
    return this.#bytes;
  }

  /** Called when a service has been sent the body. If that never happens, the memory is left to the collector. */
  release(): void {
    this.#refs--;
    this.#detachIfUnused();
  }

  /** Called when no other service will be sent the body. */
  close(): void {
    this.#isClosed = true;
    this.#detachIfUnused();
  }

  #detachIfUnused(): void {
    if (this.#detachBuffer && this.#isClosed && this.#refs === 0) detachBuffer(this.#bytes.buffer);
  }
}
