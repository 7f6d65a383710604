/** A server whose configuration can be replaced while it runs. */

import type { Config } from "../config/config.ts";
import type { Handler } from "../proxy/fetch_handler.ts";
import { type RunningServer, serve, type ServeOptions } from "./serve.ts";

/** How the server is made. */
export interface LiveServerOptions extends Pick<ServeOptions, "onError" | "onReopen" | "reusePort"> {
  /** Makes the handler of a configuration. */
  readonly handlerFor: (config: Config) => Handler;
}

/** A configuration that can be put into force without fail. */
export interface PreparedConfig {
  /** Puts it into force, in one step. */
  commit(): void;
  /** Gives up what was opened for it; the old configuration stays. */
  abandon(): Promise<void>;
}

/** A server that is up, and the configuration that it follows. */
export interface LiveServer {
  /** The configuration that new requests meet. */
  readonly config: Config;
  /** The address that it listens on. */
  readonly address: { readonly hostname: string; readonly port: number };
  /**
   * Replaces the configuration in one step: requests that are in flight end on the old one. A new port is listened on
   * before the old one is given up; a new certificate or address on the same port is shown by a new listener.
   *
   * @param config The configuration to follow from now on.
   * @returns A promise that is fulfilled when it is followed.
   * @throws {ListenError} Where its address can not be listened on; nothing has changed then.
   */
  apply(config: Config): Promise<void>;
  /**
   * Does all of {@linkcode LiveServer.apply} that may fail, for servers that are to change together. With `reusePort` a
   * new listener stands beside the old one, on the same port too.
   *
   * @param config The configuration to follow once it is committed.
   * @returns The means to commit or to abandon it.
   * @throws {ListenError} Where its address can not be listened on; nothing has changed then.
   */
  prepare(config: Config): PreparedConfig;
  /**
   * Stops accepting at once.
   *
   * @returns A promise that is fulfilled when every response in flight has been sent, those of former ports included.
   */
  shutdown(): Promise<void>;
}

/**
 * Serves a configuration.
 *
 * @param first The configuration to begin with.
 * @param options How handlers are made, and whom to tell of errors.
 * @returns The running server.
 * @throws {ListenError} Where its address can not be listened on.
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

  function retire(old: RunningServer): void {
    const end = old.shutdown().finally(() => retired.delete(end));
    retired.add(end);
  }

  function follow(next: Config): void {
    handler = handlerFor(next);
    config = next;
  }

  function prepare(next: Config): PreparedConfig {
    const isSamePort = next.port === config.port;
    if (isSamePort && !isShownAnew(next, config)) {
      return {
        commit: () => follow(next),
        abandon: () => Promise.resolve(),
      };
    }
    const fresh = listen(isSamePort ? { ...next, port: server.port } : next);
    return {
      commit: () => {
        retire(server);
        server = fresh;
        follow(next);
      },
      abandon: () => fresh.shutdown(),
    };
  }

  return {
    get config() {
      return config;
    },
    get address() {
      return { hostname: config.hostname, port: server.port };
    },
    async apply(next) {
      const isRenewal = next.port === config.port && isShownAnew(next, config);
      if (!isRenewal || options.reusePort) return prepare(next).commit();
      await server.renew(next);
      follow(next);
    },
    prepare,
    shutdown: async () => {
      await Promise.all([server.shutdown(), ...retired]);
    },
  };
}

/** Whether a listener for one configuration is of no use to the other, ports aside. */
function isShownAnew(a: Config, b: Config): boolean {
  return a.hostname !== b.hostname || a.tls?.cert !== b.tls?.cert || a.tls?.key !== b.tls?.key;
}
