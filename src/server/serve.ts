/** Listening: all that `Deno.serve` needs around a handler to stay up. */

import { delay } from "@std/async/delay";
import type { ServerTls } from "../config/config.ts";
import { type ListenerInfo, RequestInfo } from "./request_info.ts";
import { ListenError } from "./listen_error.ts";

/** Answers one request. */
export type ServeHandler = (request: Request, connection: RequestInfo) => Response | Promise<Response>;

/** An address, and what is shown there. */
export interface ListenerOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /**
   * Text to print instead of `hostname`.
   *
   * @default `hostname`
   */
  readonly shownHostname?: string | undefined;
  /** The certificate to show; absent: plain HTTP. */
  readonly tls?: ServerTls | undefined;
}

/** Where to listen, and whom to tell. */
export interface ServeOptions extends ListenerOptions {
  /** The port to listen on; 0 for any free one. */
  readonly port: number;
  /**
   * Whether other threads may listen on the same address; `canSharePorts` tells where that works.
   *
   * @default {false}
   */
  readonly reusePort?: boolean | undefined;
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
  readonly listen?: (options: DenoServeOptions, handler: Deno.ServeHandler<Deno.NetAddr>) => Listener;
}

/** Of `Deno.serve`'s options, those that are used. */
export type DenoServeOptions = Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem);

type Listener = Deno.HttpServer<Deno.NetAddr>;

/** A server that is up. */
export interface RunningServer {
  /** The address that it listens on. */
  readonly hostname: string;
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Shows another certificate, or listens on another address, on the same port. What is in flight ends as it began; for
   * the few milliseconds between the old listener and the new one, connections are refused.
   *
   * @param options What changes.
   * @returns A promise that is fulfilled when the new listener is up.
   * @throws {ListenError} Where it can not be; the old one has not been touched then.
   */
  renew(options: ListenerOptions): Promise<void>;
  /**
   * Stops accepting at once.
   *
   * @returns A promise that is fulfilled when every response in flight has been sent.
   */
  shutdown(): Promise<void>;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A listener that held out this long did not break down for the same reason as the one before. */
const STABLE_MS = 10_000;
/** The system needs a moment to give a port back. */
const RENEWAL_RETRY_MS = 1;

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
  const { onError = () => {}, onReopen = () => {}, listen = Deno.serve, reusePort = false } = options;
  const stopping = new AbortController();
  /** One for each listener with something left to do: the current one, and renewed ones with answers in flight. */
  const ends = new Set<Promise<void>>();
  let shown: ListenerOptions = options;
  let reopening: Promise<void> | undefined;
  let retryMs = FIRST_RETRY_MS / 2;

  function open(port: number, { hostname, tls }: ListenerOptions): Listener {
    let facts: ListenerInfo | undefined;
    const opened: Listener = listen({
      hostname,
      port,
      reusePort,
      ...tls,
      onListen: () => {},
      onError: (error) => {
        onError("request failed unexpectedly", error);
        return new Response(null, { status: 500 });
      },
    }, (request, info) => handler(request, new RequestInfo(facts ??= factsOf(opened.addr, tls), info)));
    return opened;
  }

  function openFirst(port: number, where: ListenerOptions): Listener {
    try {
      return open(port, where);
    } catch (error) {
      throw new ListenError({ hostname: where.shownHostname ?? where.hostname, port }, error);
    }
  }

  function keep(opened: Listener): void {
    const openedMs = performance.now();
    const end = opened.finished.catch(async (error) => {
      onError("listener broke down", error);
      if (opened !== server) return;
      // A new listener takes a descriptor that has just been freed, and breaks down again at the next connection.
      retryMs = performance.now() - openedMs > STABLE_MS ? FIRST_RETRY_MS : Math.min(2 * retryMs, MAX_RETRY_MS);
      await reopen(retryMs);
      if (!stopping.signal.aborted) onReopen();
    }).finally(() => ends.delete(end));
    ends.add(end);
  }

  function reopen(firstWaitMs: number): Promise<void> {
    return reopening ??= tryToOpen(firstWaitMs).finally(() => reopening = undefined);
  }

  async function tryToOpen(firstWaitMs: number): Promise<void> {
    for (let waitMs = firstWaitMs; !stopping.signal.aborted; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      try {
        await delay(waitMs, { signal: stopping.signal });
        server = open(port, shown);
        return keep(server);
      } catch {
        // Still no descriptor or no port, or told to stop: the loop's condition tells which.
      }
    }
  }

  let server = openFirst(options.port, options);
  const { hostname, port } = server.addr;
  keep(server);
  return {
    hostname,
    port,
    renew: async (next) => {
      // A certificate that is of no use must not cost the listener that there is.
      await openFirst(0, next).shutdown();
      shown = next;
      if (reopening === undefined) server.shutdown().catch(() => {});
      await reopen(RENEWAL_RETRY_MS);
    },
    shutdown: async () => {
      stopping.abort();
      await reopening;
      await server.shutdown().catch(() => {});
      while (ends.size > 0) await Promise.all(ends);
    },
  };
}

/**
 * Over TLS most requests are HTTP/2, which has no Host field; Deno does not tell such a request to `localhost` from an
 * HTTP/1.1 request without that field.
 */
function factsOf({ port }: Deno.NetAddr, tls: ServerTls | undefined): ListenerInfo {
  return tls === undefined
    ? { scheme: "http", defaultAuthority: `localhost:${port}` }
    : { scheme: "https", defaultAuthority: undefined };
}
