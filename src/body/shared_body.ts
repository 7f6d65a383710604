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
  readonly #reclaims: boolean;
  #lent = 0;
  #isClosed = false;

  /**
   * Takes the bytes over.
   *
   * @param bytes The body.
   * @param reclaims Whether nobody but conductor's own transport looks at them.
   */
  constructor(bytes: Bytes, reclaims: boolean) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#reclaims = reclaims;
  }

  /**
   * Lends it to one more service.
   *
   * @returns The bytes.
   */
  acquire(): Bytes {
    this.#lent++;
    return this.#bytes;
  }

  /** A service has been sent all of it. Whoever is never sent it does not say so: then the collector has to see to it. */
  release(): void {
    this.#lent--;
    this.#reclaimOnce();
  }

  /** No further service is sent it. */
  close(): void {
    this.#isClosed = true;
    this.#reclaimOnce();
  }

  #reclaimOnce(): void {
    if (this.#reclaims && this.#isClosed && this.#lent === 0) detachBuffer(this.#bytes.buffer);
  }
}
