/** One client connection of the node listener: its timeouts, refusals, and requests that nothing reads to their end. */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ClientTimeouts } from "../config/config.ts";
import { ChunkFloodError, RequestTimeoutError } from "../http/client_request.ts";
import type { ConnectionRefusal } from "../http/outcome_kinds.ts";
import { ChunkJoiner, type ReadPacer } from "./node_chunks.ts";

/** Exchange of a connection. */
export interface ConnectionExchange {
  /** True until the request has been received completely. */
  readonly isArriving: boolean;
  /** True if the head of the response has been sent. */
  readonly hasResponded: boolean;
  /** Bytes of the response that the system has not taken yet. */
  readonly unsentBytes: number;
  /** True if bytes behind the request may have been lost. */
  readonly mayLoseNext: boolean;
  /** Bytes of the request, if it has no unusual spaces; `undefined` if its body has no declared length. */
  readonly usualBytes: number | undefined;
  /** Fails the request's body. Returns false if the handler cannot respond any more. */
  failBody(error: Error): boolean;
  /** Asks a client for a sign of life. Returns false if no bytes can be sent without a meaning. */
  probe(): boolean;
}

/** Options of {@linkcode NodeConnection}. */
export interface NodeConnectionOptions {
  readonly scheme: "http" | "https";
  /** Address of the peer, if the socket has none. */
  readonly peer: string;
  /** Paces the bodies of all connections of the listener. */
  readonly pacer: ReadPacer;
  /** Called when the connection no longer belongs to the listener: its socket was handed over. */
  readonly onRelease: () => void;
  /** Called when it is a request's turn. */
  readonly onTurn: (exchange: ConnectionExchange) => void;
  /** Called when a limit refused the connection. */
  readonly onRefused: (reason: ConnectionRefusal) => void;
}

/** Maximum time in milliseconds for discarding the rest of a request after its response, as for nginx. */
const DISCARD_MS = 30_000;
/** Maximum requests that a client may send before it has the response to the first of them. */
const MAX_PIPELINED = 100;
/** Maximum time in milliseconds for a client to read a refusal and to close its connection. */
const LINGER_MS = 1_000;
/** Time in milliseconds for reading the bytes that the system has received, before an idle connection is closed. */
const RECEIVE_MS = 10;
/**
 * Pauses in milliseconds before probes of a client that has ended its sending side. The second write fails if the
 * client's system responded to the first one with a reset.
 */
const PROBE_PAUSES_MS = [40, 20, 1_000, 5_000];
const LAST_PROBE_PAUSE_MS = 15_000;

const REASONS = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** Statuses for errors of llhttp. Every other one is a malformed request. */
const STATUS_BY_CODE: Readonly<Record<string, keyof typeof REASONS>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** A connection of a client. The listener calls `check` in regular intervals, because timers would cost more. */
export class NodeConnection {
  readonly socket: Socket;
  readonly scheme: "http" | "https";
  /** Address of the peer. Read once, because each access is a system call. */
  readonly remoteAddr: { readonly hostname: string };
  readonly #options: NodeConnectionOptions;
  /** Exchanges whose response has not been sent, in the order of their requests. */
  readonly #exchanges = new Set<ConnectionExchange>();
  #isRefused = false;
  /** Called when all exchanges have ended, instead of waiting for another request. */
  #whenIdle: (() => void) | undefined;
  /** Status for input that has failed behind requests whose responses are still to be sent. */
  #refusal: keyof typeof REASONS | undefined;
  /** Number of bytes received when the last response had been sent. */
  #idleBytes = 0;
  #idleSinceMs = performance.now();
  /** True if the next head may have begun: more bytes than those of the last request arrived before its response. */
  #mayHaveBegun = false;
  #sentBytes = 0;
  #stalledSinceMs: number | undefined;
  #destroyAtMs = Infinity;
  /** Arrival of the newest request's head. */
  #requestSinceMs = 0;
  /** True while the rest of a request is read after its response. */
  #isDiscarding = false;
  /** True if the client ended its sending side after the head of the response. */
  #isEndedAfterHead = false;
  #probes: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, options: NodeConnectionOptions) {
    this.socket = socket;
    this.scheme = options.scheme;
    this.remoteAddr = { hostname: socket.remoteAddress ?? options.peer };
    this.#options = options;
    socket.on("end", () => this.#probe(0));
    socket.on("close", () => clearTimeout(this.#probes));
  }

  /** True if no further request is accepted: a limit has refused the connection, or its input is malformed. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Bytes that have arrived since no response was outstanding. */
  get bytesSinceIdle(): number {
    return this.socket.bytesRead - this.#idleBytes;
  }

  /** Calls back when no response is outstanding: at once, or after the responses to pipelined requests. */
  whenIdle(callback: () => void): void {
    if (this.#exchanges.size === 0) callback();
    else this.#whenIdle = callback;
  }

  /** Reports whether the connection must be closed after the response of this exchange. */
  closesAfter(exchange: ConnectionExchange, isDraining: boolean): boolean {
    if (exchange.mayLoseNext) {
      // Further bytes could be the rest of a request whose start was lost.
      this.#isRefused = true;
      this.#exchanges.clear();
      this.#exchanges.add(exchange);
    }
    const isLast = this.#exchanges.has(exchange) && this.#exchanges.size === 1;
    return isLast && this.#refusal === undefined && (isDraining || this.#isRefused);
  }

  /**
   * Called when a request has arrived. Pipelined requests are executed one after the other, because their order matters
   * unless all of them are safe (RFC 9112 §9.3.2), and because a client could otherwise start hundreds at once.
   */
  begin(exchange: ConnectionExchange): void {
    this.#exchanges.add(exchange);
    this.#requestSinceMs = performance.now();
    if (this.#exchanges.size === 1) return this.#options.onTurn(exchange);
    if (this.#exchanges.size >= MAX_PIPELINED) this.#isRefused = true;
    this.#reads(false);
  }

  /** Called for a request that is not accepted. */
  ignore(): void {
    this.#reads(false);
  }

  /** Called when a response has been sent, or cannot be sent any more. */
  end(exchange: ConnectionExchange): void {
    this.#exchanges.delete(exchange);
    const [next] = this.#exchanges;
    if (next !== undefined) {
      // The client of a closed connection cannot get a response.
      if (!this.socket.destroyed) this.#options.onTurn(next);
      // Again: node:http has started to read, because it discards the rest of the previous request.
      this.#reads(this.#exchanges.size === 1);
      return;
    }
    if (this.#refusal !== undefined) this.#respond(this.#refusal);
    else if (!this.socket.destroyed) this.#whenIdle?.();
    this.#whenIdle = undefined;
    // Bun counts no bytes.
    this.#mayHaveBegun = this.socket.bytesRead > 0 && this.bytesSinceIdle !== exchange.usualBytes;
    this.#idleBytes = this.socket.bytesRead;
    this.#idleSinceMs = performance.now();
  }

  /** Closes the connection after everything that has been written. */
  cut(): void {
    this.socket.destroySoon();
  }

  /** Gives up the connection: the socket belongs to a tunnel. */
  release(): void {
    this.#exchanges.clear();
    this.#options.onRelease();
  }

  /** Refuses a malformed request with 400, after the responses to earlier ones. */
  reject(): void {
    if (this.#exchanges.size === 0) return this.#respond(400);
    this.#isRefused = true;
    this.#refusal = 400;
  }

  /** Joins the small chunks of a request's body. A flood of tiny chunks fails the body. */
  joinChunks(request: IncomingMessage, exchange: ConnectionExchange): void {
    new ChunkJoiner(request, {
      pacer: this.#options.pacer,
      stop: () => this.#reads(false),
      start: () => {
        if (!this.#isRefused && this.#exchanges.size <= 1) this.#reads(true);
      },
      onFlood: () => {
        this.#isRefused = true;
        this.#reads(false);
        if (!exchange.failBody(new ChunkFloodError())) this.socket.destroy();
      },
    });
  }

  /** Refuses the connection with 503, before its first request. */
  refuse(): void {
    this.#respond(503, "Retry-After: 1\r\n");
  }

  /**
   * Called when node:http gives up a connection: for an error of its parser, of the socket, or a timeout.
   *
   * A request whose body is still arriving gets the handler's response. Without a request, the connection gets a
   * response only if the client has sent something (RFC 9110 §15.5.9). A client could otherwise take it for the
   * response to its next request.
   */
  fail({ code = "" }: { readonly code?: string }): void {
    const isTimeout = code === "ERR_HTTP_REQUEST_TIMEOUT";
    const last = [...this.#exchanges].at(-1);
    if (!isTimeout && !code.startsWith("HPE_")) return void this.socket.destroy();
    if (last?.isArriving) {
      const error = isTimeout ? new RequestTimeoutError() : new TypeError("The request is malformed");
      this.#isRefused = true;
      if (!last.failBody(error)) this.socket.destroy();
      return;
    }
    if (isTimeout) this.#options.onRefused("head-timeout");
    // Bun counts no bytes, so that its clients get no 408.
    if (isTimeout && this.socket.bytesRead === 0) return void this.socket.destroy();
    const status = isTimeout ? 408 : STATUS_BY_CODE[code] ?? 400;
    if (last === undefined) return this.#respond(status);
    this.#isRefused = true;
    // Bytes after a request with `Connection: close` are ignored (RFC 9112 §9.6).
    if (code !== "HPE_CLOSED_CONNECTION") this.#refusal = status;
  }

  /**
   * Reads the rest of a request after its response. If a server closes a connection with unread bytes, the system
   * resets it, and the client can lose the response (RFC 9112 §9.6).
   */
  discardRest(request: IncomingMessage, hasFailed: boolean): void {
    if (hasFailed) return this.cut();
    this.#isDiscarding = true;
    this.#destroyAtMs = performance.now() + DISCARD_MS;
    request.on("end", () => {
      this.#isDiscarding = false;
      this.#destroyAtMs = Infinity;
    });
    // With the body's listener, `resume` would have no effect.
    request.removeAllListeners("readable");
    request.resume();
  }

  /**
   * Closes the connection if a timeout has passed. node:http applies the timeout of heads: `headerMs` is a time at
   * which it has passed for certain.
   */
  check(nowMs: number, { headerMs, idleMs, requestMs, writeMs }: ClientTimeouts): void {
    if (this.#isStalled(nowMs, writeMs) || nowMs > this.#destroyAtMs) return void this.socket.destroy();
    // Deno's node:http does not end a request after its response.
    if (this.#isDiscarding && nowMs - this.#requestSinceMs > requestMs) return void this.socket.destroy();
    if (this.#exchanges.size > 0) return;
    // The timeout of the head applies once the next request has begun.
    const hasBegun = this.socket.bytesRead !== this.#idleBytes;
    const waitMs = this.#mayHaveBegun ? Math.max(headerMs, idleMs) : idleMs;
    if (!hasBegun && nowMs - this.#idleSinceMs > waitMs) this.#closeUnlessUsed();
  }

  /**
   * Closes the connection a moment later, unless bytes arrive that the system has received already. Otherwise a process
   * that was busy for the whole timeout would reset the connection of a client that has sent its request in time.
   */
  #closeUnlessUsed(): void {
    const idleSinceMs = this.#idleSinceMs;
    setTimeout(() => {
      const isUsed = this.#exchanges.size > 0 || this.socket.bytesRead !== this.#idleBytes || this.#isRefused;
      if (!isUsed && idleSinceMs === this.#idleSinceMs) this.cut();
    }, RECEIVE_MS);
  }

  /**
   * Stops or starts to read. `pause` has no effect while the parser reads from the socket's handle. Node's own
   * backpressure for bodies uses the handle in the same way.
   */
  #reads(isReading: boolean): void {
    const { _handle: handle } = this.socket as Socket & { _handle?: { readStop?(): void; readStart?(): void } | null };
    if (handle?.readStop === undefined) return void (isReading ? this.socket.resume() : this.socket.pause());
    if (isReading) handle.readStart?.();
    else handle.readStop();
  }

  /** Sends a response without a body, and closes the connection when the client has read it. */
  #respond(status: keyof typeof REASONS, lines = ""): void {
    const { socket } = this;
    // The parser may fail again at the bytes that follow.
    if (socket.writableEnded) return;
    this.#isRefused = true;
    this.#destroyAtMs = performance.now() + LINGER_MS;
    socket.end(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${lines}Connection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  /** Reports whether the client has taken nothing of the response for too long. */
  #isStalled(nowMs: number, writeMs: number): boolean {
    const [first] = this.#exchanges;
    // Bun counts the bytes at the response instead of the socket.
    const writableLength = this.socket.writableLength || (first?.unsentBytes ?? 0);
    if (writableLength === 0) {
      this.#stalledSinceMs = undefined;
      return false;
    }
    const sentBytes = this.socket.bytesWritten - writableLength;
    if (sentBytes !== this.#sentBytes) this.#stalledSinceMs = undefined;
    this.#sentBytes = sentBytes;
    this.#stalledSinceMs ??= nowMs;
    return nowMs - this.#stalledSinceMs > writeMs;
  }

  /**
   * Asks a client that has ended its sending side, and waits, for signs of life. A client that has disconnected looks
   * the same, but its system responds with a reset. A client without a possible probe that ends its sending side in the
   * middle of a response that pauses, counts as disconnected: half-closing clients do so right after their request.
   */
  #probe(count: number): void {
    const [first] = this.#exchanges;
    if (first === undefined) return;
    const isAfterHead = count === 0 ? first.hasResponded : this.#isEndedAfterHead;
    this.#isEndedAfterHead = isAfterHead;
    const { bytesWritten } = this.socket;
    this.#probes = setTimeout(() => {
      const isAsked = [...this.#exchanges][0]?.probe() ?? true;
      if (!isAsked && isAfterHead && bytesWritten === this.socket.bytesWritten) return void this.socket.destroy();
      this.#probe(count + 1);
    }, PROBE_PAUSES_MS[count] ?? LAST_PROBE_PAUSE_MS);
  }
}
