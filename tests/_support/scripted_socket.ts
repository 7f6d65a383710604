/** A backend without a network, which sends predefined pieces. */

import type { Socket } from "../../src/upstream/http1/buffered_socket.ts";

/** End of the script after the last piece: nothing, an orderly close, or a reset. */
export type ScriptEnd = "open" | "close" | "reset";

/** A pending read. */
interface PendingRead extends PromiseWithResolvers<number | null> {
  readonly buffer: Uint8Array;
}

/** A socket that responds to each write with the next list of pieces. A request without a body is one write. */
export class ScriptedSocket implements Socket {
  readonly #responses: (readonly Uint8Array[])[];
  readonly #end: ScriptEnd;
  readonly #unread: Uint8Array[] = [];
  #pending: PendingRead | undefined;
  #closed = false;

  constructor(responses: readonly (readonly Uint8Array[])[], end: ScriptEnd) {
    this.#responses = [...responses];
    this.#end = end;
  }

  /** True while a read waits for bytes. */
  get waiting(): boolean {
    return this.#pending !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Number of bytes that were sent and have not been read. */
  get unreadBytes(): number {
    return this.#unread.reduce((sum, { length }) => sum + length, 0);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource());
    if (buffer.length === 0) throw new Error("Cannot read into an empty buffer: the reader would never get further");
    if (this.#pending !== undefined) throw new Error("Cannot read: another read is pending");
    const pending = this.#pending = { ...Promise.withResolvers<number | null>(), buffer };
    this.#serveRead();
    return pending.promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource());
    this.#unread.push(...this.#responses.shift() ?? []);
    this.#serveRead();
    return Promise.resolve(bytes.length);
  }

  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource();
    this.#closed = true;
    this.#pending?.reject(new Deno.errors.Interrupted());
    this.#pending = undefined;
  }

  #serveRead(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const piece = this.#unread.shift();
    if (piece === undefined && (this.#responses.length > 0 || this.#end === "open")) return;
    this.#pending = undefined;
    if (piece === undefined) {
      if (this.#end === "close") pending.resolve(null);
      else pending.reject(new Deno.errors.ConnectionReset());
      return;
    }
    const count = Math.min(piece.length, pending.buffer.length);
    pending.buffer.set(piece.subarray(0, count));
    if (count < piece.length) this.#unread.unshift(piece.subarray(count));
    pending.resolve(count);
  }
}
