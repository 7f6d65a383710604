/** A backend without a network: what it sends, and in which pieces, is known beforehand. */

import type { Socket } from "../../src/upstream/http1/buffered_socket.ts";

/** What comes after the last piece: nothing, a close in order, or a reset. */
export type ScriptEnd = "open" | "close" | "reset";

/** A read that waits. */
interface PendingRead extends PromiseWithResolvers<number | null> {
  readonly buffer: Uint8Array;
}

/** A socket that answers each write, so each request without a body, with the next list of pieces. */
export class ScriptedSocket implements Socket {
  readonly #answers: (readonly Uint8Array[])[];
  readonly #end: ScriptEnd;
  readonly #unread: Uint8Array[] = [];
  #pending: PendingRead | undefined;
  #closed = false;

  constructor(answers: readonly (readonly Uint8Array[])[], end: ScriptEnd) {
    this.#answers = [...answers];
    this.#end = end;
  }

  /** Whether more is being asked for than there is. */
  get waiting(): boolean {
    return this.#pending !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How much of what was sent has not been read, in bytes. */
  get unreadBytes(): number {
    return this.#unread.reduce((sum, { length }) => sum + length, 0);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource());
    if (buffer.length === 0) throw new Error("Cannot read into an empty buffer: the reader would never get further");
    if (this.#pending !== undefined) throw new Error("Cannot read: another read is pending");
    const pending = this.#pending = { ...Promise.withResolvers<number | null>(), buffer };
    this.#answerRead();
    return pending.promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource());
    this.#unread.push(...this.#answers.shift() ?? []);
    this.#answerRead();
    return Promise.resolve(bytes.length);
  }

  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource();
    this.#closed = true;
    this.#pending?.reject(new Deno.errors.Interrupted());
    this.#pending = undefined;
  }

  #answerRead(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const piece = this.#unread.shift();
    if (piece === undefined && (this.#answers.length > 0 || this.#end === "open")) return;
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
