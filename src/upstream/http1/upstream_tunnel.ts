/** The service's end of a tunnel: a connection after a 101 response. */

import type { TunnelEnd } from "../../http/upgrade.ts";
import type { BufferPool } from "../../lib/buffer_pool.ts";
import { type BufferedSocket, READ_BUFFER_BYTES } from "./buffered_socket.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size in bytes of the read buffer of a tunnel while many bytes arrive. */
export const TUNNEL_BUFFER_BYTES = 65_536;

/**
 * A connection after a 101 response. A tunnel that is idle, or carries small messages, holds only the small buffer of
 * its socket, because there may be thousands of them.
 */
export class UpstreamTunnel implements TunnelEnd {
  readonly #socket: BufferedSocket;
  readonly #buffers: BufferPool;
  readonly #onClose: () => void;
  /** Large buffer; `undefined` while few bytes arrive. */
  #large: Bytes | undefined;
  /** Bytes of the socket's buffer that the caller has until its next call. */
  #lentBytes = 0;

  /** Takes over the socket, with the bytes that arrived after the head. Buffers have {@linkcode TUNNEL_BUFFER_BYTES}. */
  constructor(socket: BufferedSocket, buffers: BufferPool, onClose: () => void) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#onClose = onClose;
  }

  async read(): Promise<Bytes | null> {
    const socket = this.#socket;
    if (this.#lentBytes > 0) socket.skip(this.#lentBytes);
    this.#lentBytes = 0;
    if (socket.unreadBytes === 0) {
      if (this.#large !== undefined) return await this.#readLarge(this.#large);
      if (!await socket.fill()) return null;
    }
    const { unread } = socket;
    this.#lentBytes = unread.length;
    if (unread.length >= READ_BUFFER_BYTES) this.#large = this.#buffers.get();
    return unread;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#socket.write(chunk);
  }

  end(): void {
    this.#socket.closeWrite();
  }

  destroy(): void {
    this.#onClose();
  }

  async #readLarge(buffer: Bytes): Promise<Bytes | null> {
    const count = await this.#socket.readInto(buffer);
    if (count === 0) return null;
    const bytes = buffer.subarray(0, count);
    if (count > READ_BUFFER_BYTES) return bytes;
    // A copy, because the pool may give the buffer to another tunnel at once.
    const small = bytes.slice();
    this.#large = undefined;
    this.#buffers.put(buffer);
    return small;
  }
}
