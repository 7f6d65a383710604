/** A server whose configuration can be replaced while it runs. */

import type { Config } from "../config/config.ts";
import type { Handler } from "../conductor.ts";
import { type RunningServer, serve, type ServeOptions } from "./serve.ts";

/** How the server is made. */
export interface LiveServerOptions extends Pick<ServeOptions, "onError" | "onReopen"> {
  /** Makes the handler of a configuration. */
  readonly handlerFor: (config: Config) => Handler;
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

  function listen({ hostname, port, tls }: Config): RunningServer {
    return serve((request, connection) => handler(request, connection), { ...options, hostname, port, tls });
  }

  function retire(old: RunningServer): void {
    const end = old.shutdown().finally(() => retired.delete(end));
    retired.add(end);
  }

  return {
    get config() {
      return config;
    },
    get address() {
      return { hostname: config.hostname, port: server.port };
    },
    async apply(next) {
      if (next.port !== config.port) {
        const fresh = listen(next);
        retire(server);
        server = fresh;
      } else if (next.hostname !== config.hostname || !isSameTls(next.tls, config.tls)) {
        await server.renew(next);
      }
      handler = handlerFor(next);
      config = next;
    },
    shutdown: async () => {
      await Promise.all([server.shutdown(), ...retired]);
    },
  };
}

function isSameTls(a: Config["tls"], b: Config["tls"]): boolean {
  return a?.cert === b?.cert && a?.key === b?.key;
}
