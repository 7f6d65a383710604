/** A server that replaces its configuration while it runs. */

import type { Config } from "../config/config.ts";
import type { Handler } from "../proxy/fetch_handler.ts";
import { type RunningServer, serve, type ServeOptions, type ShutdownOptions } from "./serve.ts";

/** Options of {@linkcode serveConfig}. */
export interface LiveServerOptions
  extends Pick<ServeOptions, "onError" | "onReopen" | "reusePort" | "uploadsInFlight" | "urgent"> {
  /** Creates the handler of a configuration. */
  readonly handlerFor: (config: Config) => Handler;
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
  prepare(config: Config): PreparedConfig;
  /** Stops accepting connections. Resolves when every response in flight has been sent, also on former ports. */
  shutdown(options?: Pick<ShutdownOptions, "onClosed">): Promise<void>;
}

/**
 * Serves a configuration until shutdown.
 *
 * @throws {ListenError} If its address cannot be listened on.
 */
export function serveConfig(first: Config, { handlerFor, ...options }: LiveServerOptions): LiveServer {
  let config = first;
  let handler = handlerFor(config);
  let server = listen(config);
  const retired = new Set<Promise<void>>();

  function listen({ hostname, shownHostname, port, tls }: Config): RunningServer {
    const where = { hostname, shownHostname, port, tls };
    return serve((request, connection) => handler(request, connection), { ...options, ...where });
  }

  /** Closes a listener. Resolves when it is closed, before its last response has been sent. */
  function retire(old: RunningServer): Promise<void> {
    const closed = Promise.withResolvers<void>();
    const end = old.shutdown({ uploadTimeoutMs: config.shutdownTimeoutMs, onClosed: closed.resolve })
      .finally(() => retired.delete(end));
    retired.add(end);
    return closed.promise;
  }

  function activate(next: Config): void {
    handler = handlerFor(next);
    config = next;
  }

  function prepare(next: Config): PreparedConfig {
    const isSamePort = next.port === config.port;
    if (isSamePort && !needsNewListener(next, config)) {
      return {
        commit: () => Promise.resolve(activate(next)),
        rollback: () => Promise.resolve(),
      };
    }
    const fresh = listen(isSamePort ? { ...next, port: server.port } : next);
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
      const replacesListener = next.port === config.port && needsNewListener(next, config);
      if (!replacesListener || options.reusePort) return await prepare(next).commit();
      await server.relisten(next, { uploadTimeoutMs: next.shutdownTimeoutMs });
      activate(next);
    },
    prepare,
    shutdown: async (options) => {
      await Promise.all([server.shutdown(options), ...retired]);
    },
  };
}

/** Reports whether two configurations for the same port need different listeners. */
function needsNewListener(a: Config, b: Config): boolean {
  return a.hostname !== b.hostname || a.tls?.cert !== b.tls?.cert || a.tls?.key !== b.tls?.key;
}
