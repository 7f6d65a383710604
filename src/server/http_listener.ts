/** A listener of `Deno.serve` that closes without losing requests. */

import { delay } from "@std/async/delay";
import type { ServerTls } from "../config/config.ts";
import { socketPath } from "../lib/unix_socket.ts";
import { drain } from "./drain.ts";
import type { CloseOptions, Listener, ListenerAddress } from "./listener.ts";
import { type ListenerInfo, RequestInfo } from "./request_info.ts";

/** Handler of a listener. */
export type ServeHandler = (request: Request, connection: RequestInfo) => Response | Promise<Response>;

/** Function that opens a listener, for example `Deno.serve`. */
export type Listen = (options: DenoServeOptions, handler: Deno.ServeHandler<Deno.NetAddr>) => DenoServer;

/** Options for `Deno.serve`. */
export type DenoServeOptions = Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem);

type DenoServer = Deno.HttpServer<Deno.NetAddr>;

/** Options of {@linkcode HttpListener}. */
export interface HttpListenerOptions {
  readonly hostname: string;
  /** Port to listen on. 0: any free port. */
  readonly port: number;
  /** Certificate. Absent: plain HTTP. */
  readonly tls: ServerTls | undefined;
  /** Share the address with other listeners. */
  readonly reusePort: boolean;
  /** Called when the handler throws. */
  readonly onError: (error: unknown) => void;
  /** Opens the listener. */
  readonly listen: Listen;
  /** Returns the number of request bodies that are still arriving. */
  readonly uploadsInFlight: () => number;
  /** Ends all waiting of {@linkcode HttpListener.close}. */
  readonly urgent: AbortSignal | undefined;
}

const TURN_MS = 10;
/** Time without a request after which the remaining connections count as idle. */
const QUIET_TURNS = 10;
/** Clients that connect again after each response never become quiet. */
const MAX_ANNOUNCEMENT_MS = 600;
const MAX_HOLD_MS = 300;
const FIRST_PAUSE_MS = 1_000;
const CLOSE = ["connection", "close"] as const;

/**
 * An open listener.
 *
 * Deno closes idle connections when it closes a listener, and ends request bodies that are still arriving. A request
 * that is on its way at this moment is lost. Therefore, {@linkcode HttpListener.close} makes clients stop sending
 * first.
 */
export class HttpListener implements Listener {
  /** Address of the listener. */
  readonly addr: ListenerAddress;
  /** Settles when the listener is closed and has sent every response, or has failed. */
  readonly finished: Promise<void>;
  readonly #server: DenoServer;
  readonly #handler: ServeHandler;
  readonly #info: ListenerInfo;
  readonly #uploadsInFlight: () => number;
  readonly #urgent: AbortSignal | undefined;
  #received = 0;
  #unanswered = 0;
  #isClosing = false;
  /** Pending while responses are held. */
  #hold: PromiseWithResolvers<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Opens the listener. Throws the error of `listen`. */
  constructor(handler: ServeHandler, options: HttpListenerOptions) {
    const { hostname, port, tls, reusePort, listen, onError } = options;
    this.#handler = handler;
    this.#uploadsInFlight = options.uploadsInFlight;
    this.#urgent = options.urgent;
    const path = socketPath(hostname);
    // The types of `Deno.serve` have no addresses of both kinds.
    const address = (path === undefined ? { hostname, port, reusePort, ...tls } : { path }) as DenoServeOptions;
    this.#server = listen({
      ...address,
      onListen: () => {},
      onError: (error) => {
        onError(error);
        return new Response(null, { status: 500, headers: this.#isClosing ? [[...CLOSE]] : [] });
      },
    }, (request, info) => this.#respond(request, info));
    this.addr = path === undefined ? this.#server.addr : { hostname, port: 0 };
    this.finished = this.#server.finished;
    this.#info = listenerInfo(this.addr, { tls, isUnix: path !== undefined });
  }

  /**
   * Closes the listener. Resolves when it has been closed; responses in flight may still be sent.
   *
   * 1. Responses get `Connection: close` (RFC 9112 §9.6) until no more requests arrive.
   * 2. Request bodies arrive.
   * 3. Responses are held for a moment: a client that waits for one has no other request on its way.
   * 4. Deno's listener is closed, and the responses are sent.
   */
  close(options: CloseOptions): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  /** Closes the listener at once, for one that has no clients yet. */
  async closeUnused(): Promise<void> {
    await this.#server.shutdown();
  }

  async #close({ uploadTimeoutMs, onClosed }: CloseOptions): Promise<void> {
    this.#isClosing = true;
    try {
      await this.#silence(performance.now() + uploadTimeoutMs);
    } catch {
      // Urgent.
    }
    this.#info.isListenerClosed = true;
    this.#server.shutdown().catch(() => {});
    const closed = onClosed();
    if (this.#hold !== undefined) {
      await drain(closed, { timeoutMs: MAX_HOLD_MS });
      // The system closes the socket in the next turn. Before that, clients could connect to it again.
      await delay(0);
      this.#release();
    }
    await closed;
  }

  /** Resolves in a moment without requests on their way, if there is one in time. */
  async #silence(untilMs: number): Promise<void> {
    const isQuiet = await this.#waitForQuiet(MAX_ANNOUNCEMENT_MS);
    if (isQuiet && this.#unanswered === 0 && this.#uploadsInFlight() === 0) return;
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs *= 2) {
      await this.#waitForUploads(Math.min(pauseMs, untilMs - performance.now()));
      this.#hold = Promise.withResolvers();
      await this.#waitForQuiet(MAX_HOLD_MS);
      await this.#waitForUploads(MAX_HOLD_MS);
      if (this.#uploadsInFlight() === 0 || performance.now() > untilMs) return;
      this.#release();
    }
  }

  /** Waits until no request has arrived for a while. Returns false if that takes too long. */
  async #waitForQuiet(timeoutMs: number): Promise<boolean> {
    for (const untilMs = performance.now() + timeoutMs; performance.now() < untilMs;) {
      const received = this.#received;
      await this.#turns(QUIET_TURNS);
      if (received === this.#received) return true;
    }
    return false;
  }

  /** Polls, because a listener on each upload would cost more in all the time without a shutdown. */
  async #waitForUploads(timeoutMs: number): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    while (this.#uploadsInFlight() > 0 && performance.now() < untilMs) await this.#turns(1);
  }

  /**
   * Waits for turns of the event loop instead of one long timer: if the loop stalls, requests must still be received.
   */
  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await delay(TURN_MS, this.#urgent && { signal: this.#urgent });
  }

  #release(): void {
    this.#hold?.resolve();
    this.#hold = undefined;
  }

  #respond(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Response | Promise<Response> {
    this.#received++;
    this.#unanswered++;
    try {
      const response = this.#handler(request, new RequestInfo(this.#info, info));
      return response instanceof Promise ? response.then(this.#pass, this.#fail) : this.#pass(response);
    } catch (error) {
      return this.#fail(error);
    }
  }

  readonly #pass = (response: Response): Response | Promise<Response> => {
    this.#unanswered--;
    if (!this.#isClosing) return response;
    // Deno drops the field over HTTP/2, where it sends GOAWAY when it closes the listener.
    response.headers.set(...CLOSE);
    return this.#hold === undefined ? response : this.#hold.promise.then(() => response);
  };

  readonly #fail = (error: unknown): never => {
    this.#unanswered--;
    throw error;
  };
}

function listenerInfo(
  { port }: ListenerAddress,
  { tls, isUnix }: { readonly tls: ServerTls | undefined; readonly isUnix: boolean },
): ListenerInfo {
  return {
    scheme: tls === undefined ? "http" : "https",
    defaultAuthority: isUnix ? "localhost" : `localhost:${port}`,
    isUnix,
    isListenerClosed: false,
  };
}
