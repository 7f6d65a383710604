/** A socket with a read buffer. It moves bytes without interpreting them. */

import type { BufferPool } from "../../lib/buffer_pool.ts";
import { errorWords, UpstreamFailure } from "../transport.ts";

/** Size of the read buffer in bytes. Holds most heads together with a small body. */
export const READ_BUFFER_BYTES = 8_192;

const NO_BYTES = new Uint8Array(0);

/** The subset of `Deno.Conn` that the transport uses. */
export interface Socket {
  /**
   * Reads available bytes into the buffer. Returns their number, `null` at the end. Rejects once closed, and with
   * `Deno.errors.InvalidData` if TLS fails.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes and returns their number. Rejects like `read`. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending direction. Absent: only `close` can end it. */
  closeWrite?(): Promise<void>;
  /** Frees the descriptor. Pending reads and writes reject. */
  close(): void;
}

/** Closes a socket that may have been closed before. */
export function closeQuietly(socket: { close(): void }): void {
  try {
    socket.close();
  } catch {
    // It was closed before.
  }
}

/**
 * A socket with a read buffer.
 *
 * Reads and writes throw an {@linkcode UpstreamFailure}: `tls` if TLS failed, `reset` for any other broken connection.
 */
export class BufferedSocket {
  readonly #socket: Socket;
  readonly #pool: BufferPool;
  #buffer: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  #filling: Promise<boolean> | undefined;
  /** Called at the end of a read that nothing waits for; `undefined` while something does. */
  #onUnawaited: (() => void) | undefined;
  #closed = false;

  /** Takes over the socket. Buffers of `pool` have {@linkcode READ_BUFFER_BYTES}. */
  constructor(socket: Socket, pool: BufferPool) {
    this.#socket = socket;
    this.#pool = pool;
    this.#buffer = pool.get();
  }

  /** True after {@linkcode BufferedSocket.close}. */
  get closed(): boolean {
    return this.#closed;
  }

  get unreadBytes(): number {
    return this.#end - this.#start;
  }

  /** Bytes that have arrived and have not been consumed. Valid until the next read. */
  get unread(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /**
   * Buffer that begins with the bytes of `unread`; others may follow. Usually without a view of its own, because each
   * view costs as much as parsing a header line.
   */
  get unreadBuffer(): Uint8Array<ArrayBuffer> {
    return this.#start === 0 ? this.#buffer : this.unread;
  }

  /** Consumes bytes from the beginning of `unread`. */
  skip(bytes: number): void {
    this.#start += bytes;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /**
   * Appends arriving bytes to `unread`. Returns false at the end. A call during a pending read returns the same
   * promise: the read that watches an idle connection also receives the next response.
   */
  fill(): Promise<boolean> {
    this.#onUnawaited = undefined;
    return this.#fill();
  }

  /**
   * Starts a read, and calls the listener at its end, unless `fill` is called before. A listener instead of a promise,
   * because each exchange ends with such a read.
   */
  watch(onRead: () => void): void {
    this.#onUnawaited = onRead;
    if (this.#closed) onRead();
    else this.#fill();
  }

  #fill(): Promise<boolean> {
    if (this.#filling !== undefined) return this.#filling;
    if (this.#closed) return Promise.reject(new UpstreamFailure("reset"));
    // An idle connection must not keep the buffer of a large head.
    if (this.#end === 0 && this.#buffer.length > READ_BUFFER_BYTES) this.#buffer = this.#pool.get();
    if (this.#end === this.#buffer.length) this.#extendBuffer();
    const target = this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
    return this.#filling = this.#socket.read(target).then(this.#onRead, this.#onReadFailed);
  }

  /** Reads into a buffer of the caller, if nothing is unread. Returns the number of bytes, 0 at the end. */
  readInto(target: Uint8Array): Promise<number> {
    return this.#socket.read(target).then((count) => count ?? 0, (error) => raise(failureOf(error)));
  }

  /** Writes all bytes. They must not change until the promise resolves. */
  write(bytes: Uint8Array): Promise<void> {
    return this.writeThen(bytes, nothing, raise);
  }

  /** Writes all bytes like `write`, and resolves with the result of a function. This saves a promise per request. */
  writeThen<T>(bytes: Uint8Array, onWritten: () => T, onFailed: (failure: UpstreamFailure) => T): Promise<T> {
    return this.#socket.write(bytes).then(
      (sent) => sent < bytes.length ? this.writeThen(bytes.subarray(sent), onWritten, onFailed) : onWritten(),
      (error) => onFailed(failureOf(error)),
    );
  }

  /** Ends the sending direction. */
  closeWrite(): void {
    this.#socket.closeWrite?.().catch(() => {});
  }

  /** Frees the descriptor and the buffer. Pending reads and writes fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#socket);
    if (this.#filling === undefined) this.#returnBuffer();
  }

  /** Called once, when no read is pending. */
  #returnBuffer(): void {
    this.#start = this.#end = 0;
    this.#pool.put(this.#buffer);
    this.#buffer = NO_BYTES;
  }

  readonly #onRead = (count: number | null): boolean => {
    this.#filling = undefined;
    if (this.#closed) this.#returnBuffer();
    const isOpen = !this.#closed && count !== null;
    if (isOpen) this.#end += count;
    this.#onUnawaited?.();
    return isOpen;
  };

  readonly #onReadFailed = (error: unknown): boolean => {
    this.#filling = undefined;
    if (this.#closed) this.#returnBuffer();
    if (this.#onUnawaited === undefined) throw failureOf(error);
    this.#onUnawaited();
    return false;
  };

  /** Makes room behind the unread bytes: moves them to the front, or doubles the buffer if they fill it. */
  #extendBuffer(): void {
    const unread = this.unread;
    const buffer = this.#start > 0 ? this.#buffer : new Uint8Array(2 * this.#buffer.length);
    buffer.set(unread);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = unread.length;
  }
}

/**
 * Returns the failure of an error. Deno reports corrupt TLS records and alerts as `InvalidData`, a class of its own.
 */
function failureOf(error: unknown): UpstreamFailure {
  const isTls = error instanceof Error && error.name === "InvalidData";
  return new UpstreamFailure(isTls ? "tls" : "reset", errorWords(error));
}

function nothing(): void {}

function raise(error: unknown): never {
  throw error;
}
