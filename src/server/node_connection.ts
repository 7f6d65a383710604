/** One client connection of the node listener: its timeouts, and the end of requests that nothing reads. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ClientTimeouts } from "../config/config.ts";

/** Options of {@linkcode NodeConnection}. */
export interface NodeConnectionOptions {
  readonly scheme: "http" | "https";
  /** Called when the connection no longer belongs to the listener: its socket was handed over. */
  readonly onRelease: () => void;
}

/** Maximum time in milliseconds for discarding the rest of a request after its response, as for nginx. */
const DISCARD_MS = 30_000;
/** Time after the end of the client's sending side, after which it is asked for a sign of life, in milliseconds. */
const FIRST_PROBE_MS = 1_000;

/** A connection of a client. The listener calls `check` in regular intervals, because timers would cost more. */
export class NodeConnection {
  readonly socket: Socket;
  readonly scheme: "http" | "https";
  /** Address of the peer. Read once, because each access is a system call. */
  readonly remoteAddr: { readonly hostname: string };
  readonly #onRelease: () => void;
  /** Responses that have not been sent. */
  readonly #responses = new Set<ServerResponse>();
  /** Number of bytes received when the last response had been sent; `undefined` before the first request. */
  #idleBytes: number | undefined;
  #idleSinceMs = performance.now();
  #sentBytes = 0;
  #stalledSinceMs: number | undefined;
  #discardUntilMs = Infinity;
  #probeAtMs: number | undefined;
  #probeDelayMs = FIRST_PROBE_MS;

  constructor(socket: Socket, { scheme, onRelease }: NodeConnectionOptions) {
    this.socket = socket;
    this.scheme = scheme;
    this.remoteAddr = { hostname: socket.remoteAddress ?? "" };
    this.#onRelease = onRelease;
  }

  /** Called when a request has arrived. */
  begin(response: ServerResponse): void {
    this.#responses.add(response);
  }

  /** Called when a response has been sent, or cannot be sent any more. */
  end(response: ServerResponse): void {
    this.#responses.delete(response);
    this.#probeAtMs = this.#stalledSinceMs = undefined;
    if (this.#responses.size > 0) return;
    this.#idleBytes = this.socket.bytesRead;
    this.#idleSinceMs = performance.now();
  }

  /** Closes the connection after everything that has been written. */
  cut(): void {
    this.socket.destroySoon();
  }

  /** Gives up the connection: the socket belongs to a tunnel. */
  release(): void {
    this.#responses.clear();
    this.#onRelease();
  }

  /**
   * Reads the rest of a request after its response. If a server closes a connection with unread bytes, the system
   * resets it, and the client can lose the response (RFC 9112 §9.6).
   */
  discardRest(request: IncomingMessage, isCancelled: boolean): void {
    if (isCancelled) return this.cut();
    this.#discardUntilMs = performance.now() + DISCARD_MS;
    request.on("end", () => this.#discardUntilMs = Infinity);
    request.resume();
  }

  /** Closes the connection if a timeout has passed. */
  check(nowMs: number, { idleMs, writeMs }: Pick<ClientTimeouts, "idleMs" | "writeMs">): void {
    if (this.#isStalled(nowMs, writeMs) || nowMs > this.#discardUntilMs) return void this.socket.destroy();
    if (this.#responses.size > 0) return this.#probe(nowMs);
    const { bytesRead } = this.socket;
    // The timeout of the head applies once the next request has begun.
    if (bytesRead === this.#idleBytes && nowMs - this.#idleSinceMs > idleMs) this.cut();
  }

  /** Reports whether the client has taken nothing of the response for too long. */
  #isStalled(nowMs: number, writeMs: number): boolean {
    const { bytesWritten, writableLength } = this.socket;
    const sentBytes = bytesWritten - writableLength;
    if (writableLength === 0 || sentBytes !== this.#sentBytes) this.#stalledSinceMs = undefined;
    else this.#stalledSinceMs ??= nowMs;
    this.#sentBytes = sentBytes;
    return this.#stalledSinceMs !== undefined && nowMs - this.#stalledSinceMs > writeMs;
  }

  /**
   * Sends 100 (Continue), which every client must skip (RFC 9110 §15.2), to a client that has ended its sending side
   * and waits. A client that has disconnected looks the same, but its system responds with a reset.
   */
  #probe(nowMs: number): void {
    if (!this.socket.readableEnded) return;
    if (this.#probeAtMs === undefined) {
      this.#probeAtMs = nowMs + FIRST_PROBE_MS;
      this.#probeDelayMs = FIRST_PROBE_MS;
    }
    if (nowMs < this.#probeAtMs) return;
    this.#probeDelayMs *= 2;
    this.#probeAtMs = nowMs + this.#probeDelayMs;
    for (const response of this.#responses) {
      if (response.headersSent || response.req.httpVersionMinor === 0) return;
      return response.writeContinue();
    }
  }
}
