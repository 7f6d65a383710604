/** A server that survives the failure of its listener's socket. */

import { delay } from "@std/async/delay";
import { socketPath } from "../lib/unix_socket.ts";
import { HttpListener, type Listen, type ServeHandler } from "./http_listener.ts";
import { ListenError } from "./listen_error.ts";
import type { Listener, ListenerOptions, OpenListener } from "./listener.ts";
import { removeStaleSocket, setSocketMode } from "./socket_file.ts";

/** Options of {@linkcode keepListening}. */
export interface KeepListeningOptions extends ListenerOptions {
  /** Port to listen on. 0: any free port. */
  readonly port: number;
  /**
   * Called when the listener fails. The server continues.
   *
   * @default No call.
   */
  readonly onError?: (message: string, error: unknown) => void;
  /**
   * Called when a failed listener is open again.
   *
   * @default No call.
   */
  readonly onReopen?: () => void;
}

/** Options of {@linkcode serve}. */
export interface ServeOptions extends KeepListeningOptions {
  /**
   * Share the address with other threads. `portSharing` reports whether the system supports it.
   *
   * @default {false}
   */
  readonly reusePort?: boolean | undefined;
  /**
   * Called when the handler throws and when the listener fails. The server continues.
   *
   * @default No call.
   */
  readonly onError?: (message: string, error: unknown) => void;
  /**
   * Function that opens the listener.
   *
   * @default Deno.serve
   */
  readonly listen?: Listen;
  /**
   * Returns the number of request bodies that are still arriving. A listener that closes waits for them.
   *
   * @default No wait.
   */
  readonly uploadsInFlight?: () => number;
  /**
   * Makes listeners close at once when it is aborted. Requests that are on their way, and uploads, are then lost.
   *
   * @default No signal.
   */
  readonly urgent?: AbortSignal | undefined;
}

/** Options for closing a listener. */
export interface ShutdownOptions {
  /**
   * Maximum wait for request bodies, in milliseconds. Bodies that arrive later get a 503 response.
   *
   * @default Infinity
   */
  readonly uploadTimeoutMs?: number;
  /**
   * Called when no more connections are accepted. Responses that are ready wait for its end.
   *
   * @default No call.
   */
  readonly onClosed?: (() => void | Promise<void>) | undefined;
}

/** A running server. */
export interface RunningServer {
  /** Address of the listener. */
  readonly hostname: string;
  /** Port of the listener. */
  readonly port: number;
  /**
   * Replaces the listener by one with another certificate or address on the same port. Requests in flight complete on
   * the old listener. New connections are refused for a few milliseconds. Resolves when the new listener is open.
   *
   * @throws {ListenError} If the new listener cannot be opened. The old listener then stays open.
   */
  relisten(where: ListenerOptions, options?: Pick<ShutdownOptions, "uploadTimeoutMs">): Promise<void>;
  /**
   * Makes clients close their connections, waits for request bodies, and then accepts no more connections. Resolves
   * when every response in flight has been sent.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A listener that ran for this long failed for a new reason, so the retry delay starts again. */
const STABLE_MS = 10_000;
/** The system needs a moment to release a port. */
const RELISTEN_RETRY_MS = 1;

/**
 * Serves a handler with `Deno.serve` until shutdown. If the handler throws, the client gets an empty 500.
 *
 * @throws {ListenError} If the address cannot be listened on.
 */
export function serve(handler: ServeHandler, options: ServeOptions): Promise<RunningServer> {
  const { onError = () => {}, listen = Deno.serve, reusePort = false, uploadsInFlight = () => 0, urgent } = options;
  const open = (port: number, { hostname, tls }: ListenerOptions) =>
    new HttpListener(handler, {
      hostname,
      port,
      tls,
      reusePort,
      listen,
      onError: (error) => onError("request failed unexpectedly", error),
      uploadsInFlight,
      urgent,
    });
  return keepListening(open, options);
}

/** Returns the address for a test of the options: a Unix socket is in use by the old listener. */
function testAddress(options: ListenerOptions): ListenerOptions {
  return socketPath(options.hostname) === undefined ? options : { ...options, hostname: `${options.hostname}~` };
}

/**
 * Keeps a listener open until shutdown. If it fails, it is opened again on the same port: Deno's listener fails when
 * the process runs out of file descriptors.
 *
 * @throws {ListenError} If the address cannot be listened on.
 */
export async function keepListening(open: OpenListener, options: KeepListeningOptions): Promise<RunningServer> {
  const { onError = () => {}, onReopen = () => {} } = options;
  const stopping = new AbortController();
  /** Ends of the current listener, and of replaced listeners with responses in flight. */
  const ends = new Set<Promise<void>>();
  let current: ListenerOptions = options;
  let reopening: Promise<void> | undefined;
  let retryMs = FIRST_RETRY_MS / 2;

  async function openAt(port: number, where: ListenerOptions): Promise<Listener> {
    const path = socketPath(where.hostname);
    if (path === undefined) return await open(port, where);
    // Deno would serve plain HTTP.
    if (where.tls !== undefined) throw new Error("`tls` cannot be combined with a Unix socket");
    await removeStaleSocket(path);
    const opened = await open(0, where);
    await setSocketMode(where.hostname, where.socketMode);
    return opened;
  }

  async function openFirst(port: number, where: ListenerOptions): Promise<Listener> {
    try {
      return await openAt(port, where);
    } catch (error) {
      throw new ListenError({ hostname: where.shownHostname ?? where.hostname, port }, error);
    }
  }

  function supervise(opened: Listener): void {
    const openedMs = performance.now();
    const end = opened.finished.catch(async (error) => {
      onError("listener failed", error);
      if (opened !== server) return;
      // A new listener takes the descriptor that was just freed, and fails again at the next connection.
      retryMs = performance.now() - openedMs > STABLE_MS ? FIRST_RETRY_MS : Math.min(2 * retryMs, MAX_RETRY_MS);
      await reopen(retryMs);
      if (!stopping.signal.aborted) onReopen();
    }).finally(() => ends.delete(end));
    ends.add(end);
  }

  function reopen(firstWaitMs: number): Promise<void> {
    return reopening ??= openWithRetries(firstWaitMs).finally(() => reopening = undefined);
  }

  async function openWithRetries(firstWaitMs: number): Promise<void> {
    for (let waitMs = firstWaitMs; !stopping.signal.aborted; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      try {
        await delay(waitMs, { signal: stopping.signal });
        server = await openAt(port, current);
        return supervise(server);
      } catch {
        // No descriptor or port is free yet, or the server stops. The loop's condition decides.
      }
    }
  }

  let server = await openFirst(options.port, options);
  const { port } = server.addr;
  supervise(server);
  return {
    get hostname() {
      return server.addr.hostname;
    },
    port,
    relisten: async (next, { uploadTimeoutMs = Infinity } = {}) => {
      // Test the certificate and the address first: an unusable one must not cost the open listener.
      await (await openFirst(0, testAddress(next))).closeUnused();
      current = next;
      if (reopening !== undefined) return await reopening;
      const old = server;
      await old.close({
        uploadTimeoutMs,
        // Unless the old listener has failed, and its successor has the new address already.
        onClosed: async () => {
          if (server === old) await reopen(RELISTEN_RETRY_MS);
        },
      });
    },
    shutdown: async ({ uploadTimeoutMs = Infinity, onClosed = () => {} } = {}) => {
      stopping.abort();
      await reopening;
      let isCalled = false;
      const close = async () => {
        isCalled = true;
        await onClosed();
      };
      await server.close({ uploadTimeoutMs, onClosed: close });
      // A relisten() may have begun to close it.
      if (!isCalled) await onClosed();
      while (ends.size > 0) await Promise.all(ends);
    },
  };
}
