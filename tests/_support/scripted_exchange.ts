/** One exchange, or several, over a connection whose backend is a script; what came of them, made comparable. */

import { BufferPool } from "../../src/lib/buffer_pool.ts";
import { LoopTurns } from "../../src/lib/loop_turns.ts";
import { Slab } from "../../src/lib/slab.ts";
import { assert, assertEquals } from "@std/assert";
import type { HeaderLine } from "../../src/config/config.ts";
import { type TransportRequest, UpstreamFailure } from "../../src/upstream/transport.ts";
import { READ_BUFFER_BYTES } from "../../src/upstream/http1/buffered_socket.ts";
import { Connection } from "../../src/upstream/http1/connection.ts";
import { HEAD_BUFFER_BYTES } from "../../src/upstream/http1/request_sender.ts";
import { toBytes, toText } from "./latin1.ts";
import { ScriptedSocket, type ScriptEnd } from "./scripted_socket.ts";

/** A response read to its end, or how that failed, whether before its body was handed out or within it. */
export type Answer =
  | {
    readonly status: number;
    readonly lines: readonly HeaderLine[];
    readonly body: string;
    readonly reusable: boolean;
  }
  | { readonly failure: string; readonly deliveredBytes: number };

/** The pieces of a body are looked at when all has been read: nothing may have been written over them. */
type Response =
  | { readonly status: number; readonly lines: readonly HeaderLine[]; readonly pieces: readonly Uint8Array[] }
  | { readonly failure: string; readonly pieces: readonly Uint8Array[] };

/** More turns than any chain of promises between a read and its last consequence has. */
const TURNS = 20;

/**
 * Sends a request and reads the response.
 *
 * @param pieces The response as Latin-1 text, in the pieces in which it arrives.
 * @param options The request's method, and what comes after the pieces.
 * @returns What came of it: the failure `waiting` where the backend's turn would be to send more.
 * @throws {Error} Where the exchange neither ends nor waits for the backend.
 */
export async function answerOf(
  pieces: readonly string[],
  { method, end }: { readonly method: string; readonly end: ScriptEnd },
): Promise<Answer> {
  const [answer] = await answersOf([{ method, pieces }], end);
  return answer!;
}

/** A request, and the pieces of the response to it. */
export interface Script {
  readonly method: string;
  readonly pieces: readonly string[];
}

/**
 * Sends several requests, one after the other, over one connection, as long as it is given back. A failure after which
 * the request may be sent again is called `stale`.
 */
export async function answersOf(scripts: readonly Script[], end: ScriptEnd): Promise<Answer[]> {
  const pieces = scripts.map((script) => script.pieces.filter((piece) => piece !== "").map(toBytes));
  const socket = new ScriptedSocket(pieces, end);
  const wasUsable: boolean[] = [];
  let isStale = false;
  const connection = new Connection(socket, {
    detachBuffers: false,
    turns: new LoopTurns({ sliceMs: 4, now: () => performance.now() }),
    slab: new Slab(),
    readBuffers: new BufferPool(READ_BUFFER_BYTES),
    headBuffers: new BufferPool(HEAD_BUFFER_BYTES),
    authority: "backend.example",
    onIdle: ({ usable }) => void wasUsable.push(usable),
    onStale() {
      isStale = true;
      return undefined;
    },
  });
  const responses: (Response & { readonly reusable: boolean })[] = [];
  for (const { method } of scripts) {
    const response = await exchange(connection, socket, method);
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    const given = wasUsable.splice(0);
    const reusable = given.length > 0 && connection.usable;
    assert(given.length <= 1, "The connection was given back twice");
    assert(given[0] !== false, "The connection was given back although it can not be used");
    assert(given.length === 0 || !("failure" in response), "The connection was given back after a failure");
    assert(reusable || socket.closed, "The connection is neither given back nor closed");
    assert(!reusable || socket.unreadBytes === 0, "The connection was given back with bytes unread");
    responses.push({ ...(isStale ? { failure: "stale", pieces: [] } : response), reusable });
    if (!reusable) break;
  }
  if (connection.usable) connection.close();
  return responses.map((response) => {
    const body = response.pieces.map(toText).join("");
    if ("failure" in response) return { failure: response.failure, deliveredBytes: body.length };
    const { status, lines, reusable } = response;
    return { status, lines, body, reusable };
  });
}

/** One exchange; where it waits for the backend, it is aborted, and must end at that. */
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
  const { status, headers: lines, body } = result.response;
  if (!(body instanceof ReadableStream)) return { status, lines, pieces: body === null ? [] : [body] };
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body) pieces.push(piece);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    return { failure: error.kind, pieces };
  }
  return { status, lines, pieces };
}

/** A scripted exchange needs no turn of the event loop: what has not ended when a timer is due waits, or hangs. */
async function soon<T>(work: Promise<T>): Promise<T | "not soon"> {
  const due = Promise.withResolvers<"not soon">();
  const timer = setTimeout(() => due.resolve("not soon"));
  try {
    return await Promise.race([work, due.promise]);
  } finally {
    clearTimeout(timer);
  }
}
