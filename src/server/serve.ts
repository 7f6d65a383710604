/** Listening: all that `Deno.serve` needs around a handler to stay up. */

import { delay } from "@std/async/delay";
import { ListenError } from "./listen_error.ts";

/** Answers one request. */
export type ServeHandler = Deno.ServeHandler<Deno.NetAddr>;

/** Where to listen, and whom to tell. */
export interface ServeOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /** The port to listen on; 0 for any free one. */
  readonly port: number;
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
  readonly listen?: (options: Deno.ServeTcpOptions, handler: ServeHandler) => Deno.HttpServer<Deno.NetAddr>;
}

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
  const { onError = () => {}, onReopen = () => {}, listen = Deno.serve } = options;
  const stopping = new AbortController();

  function open(port: number): Deno.HttpServer<Deno.NetAddr> {
    return listen({
      hostname: options.hostname,
      port,
      onListen: () => {},
      onError: (error) => {
        onError("request failed unexpectedly", error);
        return new Response(null, { status: 500 });
      },
    }, handler);
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

  let server: Deno.HttpServer<Deno.NetAddr>;
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
