/** A listener over `node:http`: timeouts of clients, header lines as sent, half-closed clients, upgrades. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { delay } from "@std/async/delay";
import type { Config, ServerTls } from "../config/config.ts";
import type { ProxyHandler } from "../proxy/handler.ts";
import type { CloseOptions, Listener, ListenerAddress } from "./listener.ts";
import { NodeConnection } from "./node_connection.ts";
import { NodeExchange } from "./node_exchange.ts";

/** Settings of a node listener, which a reload may change. */
export type NodeSettings = Pick<Config, "clientTimeouts" | "limits">;

/** Options of {@linkcode openNodeListener}. */
export interface NodeListenerOptions {
  readonly hostname: string;
  /** Port to listen on. 0: any free port. */
  readonly port: number;
  /** Certificate. Absent: plain HTTP. */
  readonly tls: ServerTls | undefined;
  /** Share the address with other listeners. */
  readonly reusePort: boolean;
  /** Returns the settings for the next connection. */
  readonly settings: () => NodeSettings;
  /** Called when the handler throws. */
  readonly onError: (error: unknown) => void;
  /** Ends all waiting of {@linkcode Listener.close}, and closes all connections. */
  readonly urgent: AbortSignal | undefined;
}

/** Time after which a connection without a request counts as idle during a drain, in milliseconds. */
const QUIET_MS = 100;

/** Opens a listener of `node:http` or `node:https`. The modules are loaded on first use. */
export async function openNodeListener(handle: ProxyHandler, options: NodeListenerOptions): Promise<Listener> {
  const { hostname: host, port, tls, reusePort } = options;
  const settings = { keepAlive: true, noDelay: true, requireHostHeader: false };
  const server: Server = tls === undefined
    ? (await import("node:http")).createServer(settings)
    : (await import("node:https")).createServer({ ...settings, cert: tls.cert, key: tls.key });
  const listener = new NodeListener(server, handle, options);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, ...(reusePort && { reusePort }) }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  listener.onListening();
  return listener;
}

class NodeListener implements Listener {
  addr: ListenerAddress = { hostname: "", port: 0 };
  readonly finished: Promise<void>;
  readonly #finish: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #server: Server;
  readonly #handle: ProxyHandler;
  readonly #options: NodeListenerOptions;
  readonly #connections = new Map<Socket, NodeConnection>();
  #isClosing = false;
  #closing: Promise<void> | undefined;

  constructor(server: Server, handle: ProxyHandler, options: NodeListenerOptions) {
    this.finished = this.#finish.promise;
    this.#server = server;
    this.#handle = handle;
    this.#options = options;
    const isTls = options.tls !== undefined;
    server.on(isTls ? "secureConnection" : "connection", (socket: Socket) => this.#onConnection(socket));
    server.on("request", (request, response) => void this.#onRequest(request, response));
    Object.assign(server, { httpAllowHalfOpen: true });
    options.urgent?.addEventListener("abort", () => this.#destroyAll());
  }

  onListening(): void {
    const { address, port } = this.#server.address() as { address: string; port: number };
    this.addr = { hostname: address, port };
    this.#server.on("error", (error) => this.#finish.reject(error));
  }

  close(options: CloseOptions): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async closeUnused(): Promise<void> {
    await this.#stopListening();
    this.#finish.resolve();
  }

  async #close({ onClosed }: CloseOptions): Promise<void> {
    this.#isClosing = true;
    const closed = this.#stopListening();
    await onClosed();
    this.#closeIdle();
    closed.then(() => this.#finish.resolve());
  }

  /** Stops accepting. Resolves when all connections are closed. */
  #stopListening(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #closeIdle(): Promise<void> {
    await delay(QUIET_MS);
    this.#server.closeIdleConnections();
  }

  #destroyAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #onConnection(socket: Socket): void {
    const connection = new NodeConnection(socket, this.#options.tls === undefined ? "http" : "https");
    this.#connections.set(socket, connection);
    socket.on("close", () => this.#connections.delete(socket));
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return void response.destroy();
    const exchange = new NodeExchange(request, response, connection);
    try {
      await exchange.respond(await this.#handle(exchange), this.#isClosing);
    } catch (error) {
      this.#options.onError(error);
      exchange.fail();
    }
  }
}
