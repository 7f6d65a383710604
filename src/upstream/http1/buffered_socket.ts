/** A socket with a buffer: bytes in either direction, without their meaning. */

import { UpstreamFailure } from "../upstream_failure.ts";
import { closeQuietly, type Socket } from "./socket.ts";
import type { BufferPool } from "../../lib/buffer_pool.ts";

/** Holds most heads, and small bodies with them, in bytes. */
export const READ_BUFFER_BYTES = 8_192;

const NO_BYTES = new Uint8Array(0);

/** The two ends of a connection's bytes. */
export class BufferedSocket {
  readonly #socket: Socket;
  readonly #spare: BufferPool;
  #buffer: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  #filling: Promise<boolean> | undefined;
  #closed = false;

  /**
   * Takes a socket over.
   *
   * @param socket The connection; it is closed by {@linkcode BufferedSocket.close} only.
   * @param spare Buffers of {@linkcode READ_BUFFER_BYTES}.
   */
  constructor(socket: Socket, spare: BufferPool) {
    this.#socket = socket;
    this.#spare = spare;
    this.#buffer = spare.get();
  }

  /** Whether it has been closed from our side. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How much has arrived and was not taken yet, in bytes. */
  get unreadBytes(): number {
    return this.#end - this.#start;
  }

  /** What has arrived and was not taken yet; valid until the next read. */
  get unread(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /**
   * Marks the beginning of what has arrived as taken.
   *
   * @param bytes How many.
   */
  skip(bytes: number): void {
    this.#start += bytes;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /**
   * Reads more behind what has not been taken. Asked again while it reads, it gives the same promise: the read that
   * waits on an idle connection is the one that a response arrives in.
   *
   * @returns Whether something came: `false` at the end.
   * @throws {UpstreamFailure} Of kind `reset` where the connection broke, `tls` where its security did.
   */
  fill(): Promise<boolean> {
    if (this.#filling !== undefined) return this.#filling;
    if (this.#closed) return Promise.reject(new UpstreamFailure("reset"));
    // An idle connection must not keep the buffer of a large head.
    if (this.#end === 0 && this.#buffer.length > READ_BUFFER_BYTES) this.#buffer = this.#spare.get();
    if (this.#end === this.#buffer.length) this.#makeRoom();
    const room = this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
    return this.#filling = this.#socket.read(room).then(this.#onRead, this.#onReadFailed);
  }

  /**
   * Reads into a buffer of the caller's. Nothing may be unread.
   *
   * @param target Where to.
   * @returns How many bytes came: 0 at the end.
   * @throws {UpstreamFailure} As {@linkcode BufferedSocket.fill}.
   */
  readInto(target: Uint8Array): Promise<number> {
    return this.#socket.read(target).then((count) => count ?? 0, fail);
  }

  /**
   * Sends bytes.
   *
   * @param bytes All of them; they must not change before they have been sent.
   * @returns A promise that is fulfilled when they are on their way.
   * @throws {UpstreamFailure} As {@linkcode BufferedSocket.fill}.
   */
  write(bytes: Uint8Array): Promise<void> {
    return this.#socket.write(bytes).then(
      (sent) => sent < bytes.length ? this.write(bytes.subarray(sent)) : undefined,
      fail,
    );
  }

  /** Gives the descriptor back, and the buffer; whatever is pending fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#socket);
    if (this.#filling === undefined) this.#giveBuffer();
  }

  /** Only when no read is under way, and once. */
  #giveBuffer(): void {
    this.#start = this.#end = 0;
    this.#spare.put(this.#buffer);
    this.#buffer = NO_BYTES;
  }

  readonly #onRead = (count: number | null): boolean => {
    this.#filling = undefined;
    if (this.#closed) this.#giveBuffer();
    if (this.#closed || count === null) return false;
    this.#end += count;
    return true;
  };

  readonly #onReadFailed = (error: unknown): never => {
    this.#filling = undefined;
    if (this.#closed) this.#giveBuffer();
    fail(error);
  };

  #makeRoom(): void {
    const unread = this.unread;
    const buffer = this.#start > 0 ? this.#buffer : new Uint8Array(2 * this.#buffer.length);
    buffer.set(unread);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = unread.length;
  }
}

/** Corrupt records and alerts are errors of their own; everything else is a connection that broke. */
function fail(error: unknown): never {
  throw new UpstreamFailure(error instanceof Deno.errors.InvalidData ? "tls" : "reset");
}
