/** Listening: all that `Deno.serve` needs around a handler to stay up. */

import { delay } from "@std/async/delay";
import type { ServerTls } from "../config/config.ts";
import { Connection, type ListenerFacts } from "./connection.ts";
import { ListenError } from "./listen_error.ts";

/** Answers one request. */
export type ServeHandler = (request: Request, connection: Connection) => Response | Promise<Response>;

/** Where to listen, and whom to tell. */
export interface ServeOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /** The port to listen on; 0 for any free one. */
  readonly port: number;
  /** The certificate to show; absent: plain HTTP. */
  readonly tls?: ServerTls | undefined;
  /**
   * Told of a handler that threw and of a listener that broke down; neither ends the server.
   *
   * @default Nobody is told.
   */
  readonly onError?: (message: string, error: unknown) => void;
  /**
   * Told when a listener that broke down is back.
   *
   * @default Nobody is told.
   */
  readonly onReopen?: () => void;
  /**
   * What listens.
   *
   * @default Deno.serve
   */
  readonly listen?: (options: ListenOptions, handler: Deno.ServeHandler<Deno.NetAddr>) => Listener;
}

/** Of `Deno.serve`'s options, those that are used. */
export type ListenOptions = Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem);

type Listener = Deno.HttpServer<Deno.NetAddr>;

/** A server that is up. */
export interface RunningServer {
  /** The address that it listens on. */
  readonly hostname: string;
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Stops accepting at once.
   *
   * @returns A promise that is fulfilled when every response in flight has been sent.
   */
  shutdown(): Promise<void>;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

/**
 * Serves a handler until shut down. A handler that throws is answered for with a bare 500. A listener that breaks down (Deno's
 * does when the process runs out of file descriptors) is opened again on the same port as soon as that works.
 *
 * @param handler Answers the requests.
 * @param options Where to listen, and whom to tell.
 * @returns The running server.
 * @throws {ListenError} Where the address can not be listened on.
 */
export function serve(handler: ServeHandler, options: ServeOptions): RunningServer {
  const { tls, onError = () => {}, onReopen = () => {}, listen = Deno.serve } = options;
  const stopping = new AbortController();

  function open(port: number): Listener {
    const opened: Listener = listen({
      hostname: options.hostname,
      port,
      ...tls,
      onListen: () => {},
      onError: (error) => {
        onError("request failed unexpectedly", error);
        return new Response(null, { status: 500 });
      },
    }, (request, info) => handler(request, new Connection(facts ??= factsOf(opened.addr, tls), info)));
    let facts: ListenerFacts | undefined;
    return opened;
  }

  async function keepOpen(port: number): Promise<void> {
    while (true) {
      try {
        await server.finished;
        return;
      } catch (error) {
        onError("listener broke down", error);
      }
      await reopen(port);
      if (stopping.signal.aborted) return;
    }
  }

  async function reopen(port: number): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; !stopping.signal.aborted; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      try {
        await delay(waitMs, { signal: stopping.signal });
        server = open(port);
        onReopen();
        return;
      } catch {
        // Still no descriptor, or told to stop: the loop's condition tells which.
      }
    }
  }

  let server: Listener;
  try {
    server = open(options.port);
  } catch (error) {
    throw new ListenError(options, error);
  }
  const { hostname, port } = server.addr;
  const closed = keepOpen(port);
  return {
    hostname,
    port,
    shutdown: async () => {
      stopping.abort();
      await server.shutdown().catch(() => {});
      await closed;
    },
  };
}

/**
 * Over TLS most requests are HTTP/2, which has no Host field; Deno does not tell such a request to `localhost` from an
 * HTTP/1.1 request without that field.
 */
function factsOf({ port }: Deno.NetAddr, tls: ServerTls | undefined): ListenerFacts {
  return tls === undefined
    ? { scheme: "http", defaultAuthority: `localhost:${port}` }
    : { scheme: "https", defaultAuthority: undefined };
}
