/** Exchanges over a connection whose backend follows a script, with comparable results. */

import { BufferPool } from "../../src/lib/buffer_pool.ts";
import { LoopTurns } from "../../src/lib/loop_turns.ts";
import { Slab } from "../../src/lib/slab.ts";
import { assert, assertEquals } from "@std/assert";
import type { HeaderLine } from "../../src/config/config.ts";
import { type TransportRequest, UpstreamFailure } from "../../src/upstream/transport.ts";
import { READ_BUFFER_BYTES, type Socket } from "../../src/upstream/http1/buffered_socket.ts";
import { Connection } from "../../src/upstream/http1/connection.ts";
import { HEAD_BUFFER_BYTES } from "../../src/upstream/http1/request_sender.ts";
import { toBytes, toText } from "./latin1.ts";

/** A response read to its end, or its failure, before or within the body. */
export type ExchangeResult =
  | {
    readonly status: number;
    readonly headers: readonly HeaderLine[];
    readonly body: string;
    readonly isReusable: boolean;
  }
  | { readonly failure: string; readonly deliveredBytes: number };

/** The pieces of a body are checked after the last read, so that overwritten memory is detected. */
type Response =
  | { readonly status: number; readonly headers: readonly HeaderLine[]; readonly pieces: readonly Uint8Array[] }
  | { readonly failure: string; readonly pieces: readonly Uint8Array[] };

/** More turns than any chain of promises after a read has. */
const TURNS = 20;

/**
 * Sends a request, and reads the response that arrives in pieces of Latin-1 text. The failure is `waiting` if the
 * exchange waits for more bytes of the backend.
 *
 * @throws {Error} If the exchange neither ends nor waits for the backend.
 */
export async function exchangeOnce(
  pieces: readonly string[],
  { method, end }: { readonly method: string; readonly end: ScriptEnd },
): Promise<ExchangeResult> {
  const [result] = await exchangeAll([{ method, pieces }], end);
  return result!;
}

/** A request, and the pieces of the response to it. */
export interface Script {
  readonly method: string;
  readonly pieces: readonly string[];
}

/**
 * Sends requests one after another over one connection, until it is not reusable. The failure is `stale` if the request
 * may be sent again.
 */
export async function exchangeAll(scripts: readonly Script[], end: ScriptEnd): Promise<ExchangeResult[]> {
  const pieces = scripts.map((script) => script.pieces.filter((piece) => piece !== "").map(toBytes));
  const socket = new ScriptedSocket(pieces, end);
  const wasUsable: boolean[] = [];
  let isStale = false;
  const connection = new Connection(socket, {
    detachBuffers: false,
    // A clock that stands still: an exchange that yielded on a slow machine would look like one that hangs.
    turns: new LoopTurns({ sliceMs: 4, now: () => 0 }),
    slab: new Slab(),
    readBuffers: new BufferPool(READ_BUFFER_BYTES),
    headBuffers: new BufferPool(HEAD_BUFFER_BYTES),
    tunnelBuffers: new BufferPool(1),
    authority: "backend.example",
    onIdle: ({ usable }) => void wasUsable.push(usable),
    onStale() {
      isStale = true;
      return undefined;
    },
  });
  const responses: (Response & { readonly isReusable: boolean })[] = [];
  for (const { method } of scripts) {
    const response = await exchange(connection, socket, method);
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    const parked = wasUsable.splice(0);
    const isReusable = parked.length > 0 && connection.usable;
    assert(parked.length <= 1, "The connection was parked twice");
    assert(parked[0] !== false, "The connection was parked although it cannot be used");
    assert(parked.length === 0 || !("failure" in response), "The connection was parked after a failure");
    assert(isReusable || socket.closed, "The connection is neither parked nor closed");
    assert(!isReusable || socket.unreadBytes === 0, "The connection was parked with unread bytes");
    responses.push({ ...(isStale ? { failure: "stale", pieces: [] } : response), isReusable });
    if (!isReusable) break;
  }
  if (connection.usable) connection.close();
  return responses.map((response) => {
    const body = response.pieces.map(toText).join("");
    if ("failure" in response) return { failure: response.failure, deliveredBytes: body.length };
    const { status, headers, isReusable } = response;
    return { status, headers, body, isReusable };
  });
}

/** Runs one exchange. If it waits for the backend, it is aborted, and must end. */
async function exchange(connection: Connection, socket: ScriptedSocket, method: string): Promise<Response> {
  const controller = new AbortController();
  const reading = readResponse(connection, method, controller.signal);
  const response = await soon(reading);
  if (response !== "not soon") return response;
  assert(socket.waiting, "The exchange neither ends nor waits for the backend");
  controller.abort();
  const aborted = await soon(reading);
  assert(aborted !== "not soon" && "failure" in aborted, "The exchange does not end when it is aborted");
  assertEquals(aborted.failure, "aborted");
  return { ...aborted, failure: "waiting" };
}

async function readResponse(connection: Connection, method: string, signal: AbortSignal): Promise<Response> {
  const request: TransportRequest = {
    method,
    origin: "",
    target: "/",
    host: undefined,
    headers: [],
    body: null,
    signal,
  };
  const result = await connection.exchange(request);
  if (!result.ok) return { failure: result.kind, pieces: [] };
  const { status, headers, body } = result.response;
  if (!(body instanceof ReadableStream)) return { status, headers, pieces: body === null ? [] : [body] };
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body) pieces.push(piece);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    return { failure: error.kind, pieces };
  }
  return { status, headers, pieces };
}

/** A scripted exchange needs no turn of the event loop. If it has not ended when a timer fires, it waits or hangs. */
async function soon<T>(work: Promise<T>): Promise<T | "not soon"> {
  const due = Promise.withResolvers<"not soon">();
  const timer = setTimeout(() => due.resolve("not soon"));
  try {
    return await Promise.race([work, due.promise]);
  } finally {
    clearTimeout(timer);
  }
}

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
