/** A small body in memory that several services are sent. */

import { detachBuffer } from "../lib/detach_buffer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * One client's body, read once for all. Its memory is given back when everybody has been sent it: V8 counts what young
 * collections have not freed yet, and a few hundred bodies a second make it collect everything every few seconds.
 */
export class SharedBody {
  /** How long it is, in bytes; known when its memory is gone, too. */
  readonly length: number;
  readonly #bytes: Bytes;
  readonly #detachBuffers: boolean;
  #refs = 0;
  #isClosed = false;

  /**
   * Takes the bytes over.
   *
   * @param bytes The body.
   * @param detachBuffers Whether nobody but conductor's own transport looks at them.
   */
  constructor(bytes: Bytes, detachBuffers: boolean) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#detachBuffers = detachBuffers;
  }

  /**
   * Lends it to one more service.
   *
   * @returns The bytes.
   */
  acquire(): Bytes {
    this.#refs++;
    return this.#bytes;
  }

  /** A service has been sent all of it. Whoever is never sent it does not say so: then the collector has to see to it. */
  release(): void {
    this.#refs--;
    this.#detachIfUnused();
  }

  /** No further service is sent it. */
  close(): void {
    this.#isClosed = true;
    this.#detachIfUnused();
  }

  #detachIfUnused(): void {
    if (this.#detachBuffers && this.#isClosed && this.#refs === 0) detachBuffer(this.#bytes.buffer);
  }
}
