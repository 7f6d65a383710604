/** State of one client connection of the node listener. */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** Maximum time in milliseconds for discarding the rest of a request after its response, as for nginx. */
const DISCARD_MS = 30_000;

/** A connection of a client. */
export class NodeConnection {
  readonly socket: Socket;
  readonly scheme: "http" | "https";
  /** Address of the peer. Read once, because each access is a system call. */
  readonly remoteAddr: { readonly hostname: string };
  /** Time until which the rest of a request may arrive; `undefined` if none is discarded. */
  #discardUntilMs: number | undefined;

  constructor(socket: Socket, scheme: "http" | "https") {
    this.socket = socket;
    this.scheme = scheme;
    this.remoteAddr = { hostname: socket.remoteAddress ?? "" };
  }

  /** Closes the connection after everything that has been written. */
  cut(): void {
    this.socket.destroySoon();
  }

  /**
   * Reads the rest of a request after its response. If a server closes a connection with unread bytes, the system
   * resets it, and the client can lose the response (RFC 9112 §9.6).
   */
  discardRest(request: IncomingMessage, isCancelled: boolean): void {
    if (isCancelled) return this.cut();
    this.#discardUntilMs = performance.now() + DISCARD_MS;
    request.on("end", () => this.#discardUntilMs = undefined);
    request.resume();
  }
}
