/** A socket with a buffer: bytes in either direction, without their meaning. */

import { closeQuietly, type Socket } from "./dial.ts";
import { UpstreamFailure } from "../../exchange/upstream_failure.ts";

/** Holds most heads, and small bodies with them, in bytes. */
const BUFFER_BYTES = 16_384;

/** The two ends of a connection's bytes. */
export class Wire {
  readonly #socket: Socket;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  #filling: Promise<boolean> | undefined;
  #closed = false;

  /**
   * Takes a socket over.
   *
   * @param socket The connection; it is closed by {@linkcode Wire.close} only.
   */
  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Whether it has been closed from our side. */
  get closed(): boolean {
    return this.#closed;
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
    return this.#filling ??= this.#fill();
  }

  /**
   * Reads into a buffer of the caller's. Nothing may be unread.
   *
   * @param target Where to.
   * @returns How many bytes came: 0 at the end.
   * @throws {UpstreamFailure} As {@linkcode Wire.fill}.
   */
  async readInto(target: Uint8Array): Promise<number> {
    try {
      return await this.#socket.read(target) ?? 0;
    } catch (error) {
      throw failure(error);
    }
  }

  /**
   * Sends bytes.
   *
   * @param bytes All of them.
   * @throws {UpstreamFailure} As {@linkcode Wire.fill}.
   */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      let sent = await this.#socket.write(bytes);
      while (sent < bytes.length) sent += await this.#socket.write(bytes.subarray(sent));
    } catch (error) {
      throw failure(error);
    }
  }

  /** Whether a waiting read keeps the process alive. */
  hold(keep: boolean): void {
    if (keep) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Gives the descriptor back; whatever is pending fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#socket);
  }

  async #fill(): Promise<boolean> {
    try {
      if (this.#end === this.#buffer.length) this.#makeRoom();
      const count = await this.#socket.read(this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end));
      if (count === null) return false;
      this.#end += count;
      return true;
    } catch (error) {
      throw failure(error);
    } finally {
      this.#filling = undefined;
    }
  }

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
function failure(error: unknown): UpstreamFailure {
  return new UpstreamFailure(error instanceof Deno.errors.InvalidData ? "tls" : "reset");
}
