/** `serve()`: conductor as a server inside another program, in Deno, Node and Bun. */

import { ComparisonStore } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import type { ConfigInput } from "../config/input.ts";
import { ConfigError } from "../config/read/config_error.ts";
import { validateConfig } from "../config/validate.ts";
import type { ConductorEvent } from "../observe/events.ts";
import { ExchangeRecorder } from "../observe/exchange_recorder.ts";
import { Metrics } from "../observe/metrics.ts";
import { type DetailedObserver, swallowErrors } from "../observe/observers.ts";
import { createRedaction, withoutSecrets } from "../observe/redaction.ts";
import { TUNNEL_GRACE_RATIO } from "../policy/open_tunnels.ts";
import { createSharedState } from "../policy/shared_state.ts";
import { createProxyHandler } from "../proxy/handler.ts";
import type { ConductorOptions } from "../proxy/handler_context.ts";
import { socketPath } from "../lib/unix_socket.ts";
import { plainRequests, runtimeTransport } from "../upstream/runtime_transport.ts";
import { AdminListener, createAdminSource } from "./admin_listener.ts";
import { AttemptsInFlight, drain } from "./drain.ts";
import { HealthChecks } from "./health_checks.ts";
import { formatAddress } from "./listen_error.ts";
import { type LiveServer, serveConfig } from "./live_server.ts";

/** Options of {@linkcode serve}. */
export interface ServerOptions extends ConductorOptions {
  /**
   * Called with unexpected errors: of the handler, which are bugs, and of the listener, which is opened again. Also
   * called with reports of wrong tokens on the admin listener.
   *
   * @default console.error
   */
  readonly onError?: (message: string, error: unknown) => void;
}

/** Options of {@linkcode ConductorServer.close}. */
export interface CloseServerOptions {
  /**
   * Maximum time in milliseconds for requests and tunnels in flight.
   *
   * @default `shutdownTimeout` of the configuration, which is 10 seconds by default
   */
  readonly timeoutMs?: number;
}

/** A running server. `await using` closes it. */
export interface ConductorServer extends AsyncDisposable {
  /**
   * URL of the server, without a trailing slash. `localhost` if it listens on all addresses; `unix:` and the path for a
   * Unix socket.
   */
  readonly url: string;
  /** Address that the server listens on. */
  readonly hostname: string;
  /** Port that the server listens on. */
  readonly port: number;
  /**
   * URL of the dashboard, with a trailing slash, or the address of a Unix socket; `undefined` without `admin` in the
   * configuration.
   */
  readonly adminUrl: string | undefined;
  /** Number of requests to services that have not settled, shadow requests included. */
  readonly attemptsInFlight: number;
  /**
   * Replaces the configuration in one step. Requests in flight complete on the old one, and open tunnels stay open. A
   * new port is opened before the old one is closed.
   *
   * @throws {ConfigError} If the configuration is invalid. The old one then stays in effect.
   * @throws {ListenError} If the new address cannot be listened on. The old configuration then stays in effect.
   */
  reload(config: ConfigInput): Promise<void>;
  /**
   * Accepts no more connections, and resolves when all requests have ended, shadow requests included. WebSocket clients
   * get the close code 1001. After `timeoutMs`, the remaining connections are closed.
   */
  close(options?: CloseServerOptions): Promise<void>;
}

/** Maximum time in milliseconds for the end of connections that are closed after the timeout. */
const URGENT_MS = 1_000;

/**
 * Serves a configuration in this process. In Node and Bun, the server is that of `node:http`; in Deno, the field
 * `listener` selects it. All fields are supported, except `logging` and `shutdownDelay`.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "@zeek/conductor";
 *
 * await using backend = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 *
 * await using server = await serve({
 *   port: 0,
 *   hostname: "127.0.0.1",
 *   clientTimeouts: { header: "5s" },
 *   services: [{ name: "api", url: `http://localhost:${backend.addr.port}`, pathPrefix: "/api" }],
 * });
 * const response = await fetch(`${server.url}/api/greeting`);
 *
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * @param config Configuration with the fields of the configuration file. The default port is 8080, on all addresses.
 * @param options Transport, clock, observer and error handler.
 * @returns The server, when it accepts connections.
 * @throws {ConfigError} If the configuration is invalid. The error lists every problem.
 * @throws {ListenError} If the address cannot be listened on, for example because it is already in use.
 */
export async function serve(config: ConfigInput, options: ServerOptions = {}): Promise<ConductorServer> {
  const { onError = logError, now } = options;
  const first = checkConfig(config);
  const inFlight = new AttemptsInFlight();
  const instance = createSharedState();
  // Buffers of a custom transport may be read by other code after they have been sent.
  const detachBuffers = options.transport === undefined && isDeno();
  const transport = options.transport === undefined
    ? runtimeTransport({ detachBuffers })
    : plainRequests(options.transport);
  const urgent = new AbortController();
  const stopping = new AbortController();
  const notify = options.observe && swallowErrors(options.observe);
  let metrics: Metrics | undefined;
  let recorder: ExchangeRecorder | undefined;
  let redaction = createRedaction(first);
  let isDraining = false;
  const comparisons = new ComparisonStore();

  const observe = (event: ConductorEvent) => {
    inFlight.observe(event);
    notify?.(withoutSecrets(event));
  };

  /**
   * Returns the observer of a configuration. That of an exchange does not change: all its events are counted, or none.
   */
  function observerFor(config: Config): DetailedObserver {
    redaction = createRedaction(config);
    if (!config.metrics.enabled && config.admin === undefined) return observe;
    const counters = metrics ??= new Metrics();
    counters.reconfigure(config);
    const recording = config.admin && (recorder ??= new ExchangeRecorder({ redaction: () => redaction }));
    return (event, detail) => {
      counters.observe(event);
      recording?.observe(event, detail);
      observe(event);
    };
  }

  const observeAlways = (event: ConductorEvent) => {
    metrics?.observe(event);
    observe(event);
  };
  const readMetrics = () => (metrics ?? new Metrics()).snapshot();
  const recentExchanges = (after: number) => recorder?.after(after) ?? { last: 0, exchanges: [] };
  const handlerOptions = {
    instance,
    transport,
    detachBuffers,
    comparisons,
    metricsSource: () => ({ metrics: readMetrics() }),
    stopping: stopping.signal,
    ...(now !== undefined && { now }),
  };
  const checks = new HealthChecks({
    transport,
    health: instance.health,
    redaction: () => redaction,
    observe: observeAlways,
  });
  const server = await serveConfig(first, {
    handlerFor: (config) => createProxyHandler(config, { ...handlerOptions, observe: observerFor(config) }),
    uploadsInFlight: () => instance.admission.uploadsInFlight,
    urgent: urgent.signal,
    onError,
    onRefused: (reason, client) => observeAlways({ type: "refused", reason, client }),
  });
  const shown = {
    get config() {
      return server.config;
    },
    inspect: (after: number) => Promise.resolve({ metrics: readMetrics(), recent: recentExchanges(after) }),
    recent: (after: number) => Promise.resolve(recentExchanges(after)),
    comparisons: (after: number, sinceMs?: number) => Promise.resolve(comparisons.read(after, sinceMs)),
    resetComparisons: () => Promise.resolve(comparisons.reset()),
  };
  const admin = new AdminListener({
    source: createAdminSource(shown, {
      url: () => urlOf(server),
      isDraining: () => isDraining,
      workers: () => ({ count: 1, crashes: 0 }),
    }),
    kind: isDeno() ? "deno" : "node",
    urgent: urgent.signal,
    onError,
    onGuesses: (report) => onError("wrong tokens on the admin listener", report),
  });
  try {
    await (await admin.prepare(first.admin)).commit();
  } catch (error) {
    await server.shutdown();
    throw error;
  }
  checks.reconfigure(first.services);
  let closing: Promise<void> | undefined;

  async function end(timeoutMs: number): Promise<void> {
    stopping.abort();
    const untilMs = performance.now() + TUNNEL_GRACE_RATIO * timeoutMs;
    let tunnels = Promise.resolve();
    // Not before: clients of closed tunnels would connect again to the same process.
    const onClosed = () => {
      tunnels = instance.tunnels.drain(Math.max(0, untilMs - performance.now()));
    };
    await Promise.all([checks.stop(), server.shutdown({ onClosed })]);
    await tunnels;
    await inFlight.idle();
  }

  async function close({ timeoutMs = server.config.shutdownTimeoutMs }: CloseServerOptions = {}): Promise<void> {
    isDraining = true;
    const ended = end(timeoutMs);
    const isFinished = await drain(ended, { timeoutMs }) === "finished";
    // Last, because the admin listener shows the shutdown of everything else.
    const adminEnded = admin.shutdown();
    if (isFinished && await drain(adminEnded, { timeoutMs: URGENT_MS }) === "finished") return;
    urgent.abort();
    await drain(Promise.all([ended, adminEnded]), { timeoutMs: URGENT_MS });
  }

  return {
    get url() {
      return urlOf(server);
    },
    get hostname() {
      return server.address.hostname;
    },
    get port() {
      return server.address.port;
    },
    get adminUrl() {
      return admin.url;
    },
    get attemptsInFlight() {
      return inFlight.count;
    },
    async reload(input) {
      const next = checkConfig(input);
      const prepared = await admin.prepare(next.admin);
      try {
        await server.apply(next);
      } catch (error) {
        await prepared.rollback();
        throw error;
      }
      await prepared.commit();
      checks.reconfigure(next.services);
    },
    close: (options) => closing ??= close(options),
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

function urlOf({ config: { tls }, address: { hostname, port } }: LiveServer): string {
  if (socketPath(hostname) !== undefined) return hostname;
  const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
  return `${tls === undefined ? "http" : "https"}://${formatAddress({ hostname: reachable, port })}`;
}

/** Validates a configuration, and selects the listener: only Deno has more than one. */
function checkConfig(input: ConfigInput): Config {
  const { config } = validateConfig(input, undefined, { embedding: "server" });
  if (isDeno()) return config;
  if (input.listener === "deno") {
    throw new ConfigError([{ path: "listener", message: "must be `auto` or `node`: this runtime has no Deno.serve" }]);
  }
  for (const [path, hostname] of [["hostname", config.hostname], ["admin.hostname", config.admin?.hostname ?? ""]]) {
    if (socketPath(hostname!) === undefined) continue;
    throw new ConfigError([{ path: path!, message: "must be an address or a host name: Unix sockets need Deno" }]);
  }
  return { ...config, listener: { kind: "node", reason: "this runtime has no Deno.serve" } };
}

function isDeno(): boolean {
  return "Deno" in globalThis && typeof Deno.serve === "function";
}

function logError(message: string, error: unknown): void {
  console.error(`conductor: ${message}:`, error);
}
