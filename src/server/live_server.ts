/** A server that replaces its configuration while it runs. */

import type { Config } from "../config/config.ts";
import { FetchRequest, toResponse } from "../proxy/fetch_handler.ts";
import { isSameAddress, socketPath } from "../lib/unix_socket.ts";
import type { ConnectionRefusal } from "../http/outcome_kinds.ts";
import type { ProxyHandler } from "../proxy/handler.ts";
import { HttpListener } from "./http_listener.ts";
import type { ListenerOptions, OpenListener } from "./listener.ts";
import { openNodeListener } from "./node_listener.ts";
import { keepListening, type RunningServer, type ServeOptions, type ShutdownOptions } from "./serve.ts";

/** Options of {@linkcode serveConfig}. */
export interface LiveServerOptions
  extends Pick<ServeOptions, "onError" | "onReopen" | "reusePort" | "uploadsInFlight" | "urgent"> {
  /**
   * Called when a limit refused a connection of a client.
   *
   * @default No call.
   */
  readonly onRefused?: (reason: ConnectionRefusal, client: string) => void;
  /** Creates the handler of a configuration. */
  readonly handlerFor: (config: Config) => ProxyHandler;
}

/** A configuration that can take effect without an error. */
export interface PreparedConfig {
  /**
   * Makes the configuration take effect, in one step. Resolves when no listener with another certificate or address is
   * left on the port.
   */
  commit(): Promise<void>;
  /** Closes the listener that was opened for it. The old configuration stays in effect. */
  rollback(): Promise<void>;
}

/** A running server with its configuration. */
export interface LiveServer {
  /** Configuration for new requests. */
  readonly config: Config;
  /** Address and port of the listener. */
  readonly address: { readonly hostname: string; readonly port: number };
  /**
   * Replaces the configuration in one step. Requests in flight complete on the old one. A new port is opened before the
   * old one is closed. A new certificate or address on the same port needs a new listener.
   *
   * @throws {ListenError} If the address cannot be listened on. The old configuration then stays in effect.
   */
  apply(config: Config): Promise<void>;
  /**
   * Runs the part of {@linkcode LiveServer.apply} that may fail, for servers that must change together. With
   * `reusePort` the new listener is open beside the old one, even on the same port.
   *
   * @throws {ListenError} If the address cannot be listened on. The old configuration then stays in effect.
   */
  prepare(config: Config): Promise<PreparedConfig>;
  /** Stops accepting connections. Resolves when every response in flight has been sent, also on former ports. */
  shutdown(options?: Pick<ShutdownOptions, "onClosed">): Promise<void>;
}

/**
 * Serves a configuration until shutdown.
 *
 * @throws {ListenError} If its address cannot be listened on.
 */
export async function serveConfig(
  first: Config,
  { handlerFor, ...options }: LiveServerOptions,
): Promise<LiveServer> {
  const { onRefused = () => {}, onError = () => {}, reusePort = false, uploadsInFlight = () => 0, urgent } = options;
  let config = first;
  let handler = handlerFor(config);
  const retired = new Set<Promise<void>>();

  const open: OpenListener = (port, { hostname, tls, kind }) => {
    const common = {
      hostname,
      port,
      tls,
      reusePort,
      urgent,
      onError: (error: unknown) => onError("request failed unexpectedly", error),
    };
    if (kind === "node") {
      return openNodeListener((request) => handler(request), { ...common, onRefused, settings: () => config });
    }
    return new HttpListener(
      (request, info) => handler(new FetchRequest(request, info)).then(toResponse),
      { ...common, listen: Deno.serve, uploadsInFlight },
    );
  };

  let server = await listen(config);

  function listen(config: Config): Promise<RunningServer> {
    return keepListening(open, { ...options, ...listenerOptions(config), port: config.port });
  }

  /** Closes a listener. Resolves when it is closed, before its last response has been sent. */
  function retire(old: RunningServer): Promise<void> {
    // Not `Promise.withResolvers`, which Node 20 lacks.
    return new Promise<void>((onClosed) => {
      const end = old.shutdown({ uploadTimeoutMs: config.shutdownTimeoutMs, onClosed })
        .finally(() => retired.delete(end));
      retired.add(end);
    });
  }

  function activate(next: Config): void {
    handler = handlerFor(next);
    config = next;
  }

  async function prepare(next: Config): Promise<PreparedConfig> {
    const isSamePort = isSameAddress(next, config);
    if (isSamePort && !needsNewListener(next, config)) {
      return {
        commit: () => Promise.resolve(activate(next)),
        rollback: () => Promise.resolve(),
      };
    }
    const fresh = await listen(isSamePort ? { ...next, port: server.port } : next);
    return {
      commit: () => {
        const closed = retire(server);
        server = fresh;
        activate(next);
        return isSamePort ? closed : Promise.resolve();
      },
      rollback: () => fresh.shutdown(),
    };
  }

  return {
    get config() {
      return config;
    },
    get address() {
      return { hostname: server.hostname, port: server.port };
    },
    async apply(next) {
      const replacesListener = isSameAddress(next, config) && needsNewListener(next, config);
      const isShared = options.reusePort && socketPath(next.hostname) === undefined;
      if (!replacesListener || isShared) return await (await prepare(next)).commit();
      await server.relisten(listenerOptions(next), { uploadTimeoutMs: next.shutdownTimeoutMs });
      activate(next);
    },
    prepare,
    shutdown: async (options) => {
      await Promise.all([server.shutdown(options), ...retired]);
    },
  };
}

function listenerOptions(config: Config): ListenerOptions {
  const { hostname, shownHostname, socketMode, tls } = config;
  return { hostname, shownHostname, socketMode, tls, kind: config.listener.kind };
}

/** Reports whether two configurations for the same port need different listeners. */
function needsNewListener(a: Config, b: Config): boolean {
  return a.hostname !== b.hostname || a.tls?.cert !== b.tls?.cert || a.tls?.key !== b.tls?.key ||
    a.listener.kind !== b.listener.kind || a.socketMode !== b.socketMode;
}
