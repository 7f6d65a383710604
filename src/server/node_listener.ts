/** A listener over `node:http`: timeouts of clients, header lines as sent, half-closed clients, upgrades. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as NetServer, Socket } from "node:net";
import type { Config, ServerTls } from "../config/config.ts";
import { takesUpgrades } from "../config/listener_kind.ts";
import { carriesRequests } from "../config/schema/http.ts";
import { parseList } from "../http/headers.ts";
import { unmapAddress } from "../http/client_address.ts";
import type { ConnectionRefusal } from "../http/outcome_kinds.ts";
import type { ProxyHandler } from "../proxy/handler.ts";
import { socketPath, UNIX_PEER } from "../lib/unix_socket.ts";
import { AcceptWatch } from "./accept_watch.ts";
import { ConnectionAdmissions } from "./connection_admissions.ts";
import { formatAddress } from "./listen_error.ts";
import type { CloseOptions, Listener, ListenerAddress } from "./listener.ts";
import { ReadPacer } from "./node_chunks.ts";
import { NodeConnection } from "./node_connection.ts";
import { NodeExchange } from "./node_exchange.ts";

/** Settings of a node listener, which a reload may change. */
export interface NodeSettings extends Pick<Config, "clientTimeouts" | "services" | "trustProxy"> {
  readonly limits: Pick<Config["limits"], "maxConnections" | "maxConnectionsPerClient">;
}

/** Options of {@linkcode openNodeListener}. */
export interface NodeListenerOptions {
  readonly hostname: string;
  /** Port to listen on. 0: any free port. */
  readonly port: number;
  /** Certificate. Absent: plain HTTP. */
  readonly tls: ServerTls | undefined;
  /** Share the address with other listeners. */
  readonly reusePort: boolean;
  /** Returns the settings in force. */
  readonly settings: () => NodeSettings;
  /** Called when the handler throws. */
  readonly onError: (error: unknown) => void;
  /** Called when a limit refused a connection of a client. */
  readonly onRefused: (reason: ConnectionRefusal, client: string) => void;
  /** Ends all waiting of {@linkcode Listener.close}, and closes all connections. */
  readonly urgent: AbortSignal | undefined;
}

/** The modules of the runtime, which are loaded on first use. */
interface NodeModules {
  readonly http: typeof import("node:http");
  readonly net: typeof import("node:net");
}

/** Time without a byte after which a connection counts as idle during a drain, in milliseconds. */
const QUIET_MS = 100;
/** Maximum size of a head in bytes. As large as `Deno.serve` and heads of services may be, within a factor of two. */
const MAX_HEAD_BYTES = 131_072;
const MIN_TICK_MS = 20;
const MAX_TICK_MS = 1_000;

/** Opens a listener of `node:http` or `node:https`. The modules are loaded on first use. */
export async function openNodeListener(handle: ProxyHandler, options: NodeListenerOptions): Promise<Listener> {
  const { hostname: host, port, tls, reusePort } = options;
  if (tls !== undefined && "Deno" in globalThis) checkCertificate(host, tls);
  const [http, net] = await Promise.all([import("node:http"), import("node:net")]);
  const { headerMs, requestMs, idleMs, writeMs } = options.settings().clientTimeouts;
  const shortestMs = Math.min(headerMs, requestMs, idleMs, writeMs);
  const tickMs = Math.max(MIN_TICK_MS, Math.min(shortestMs / 4, MAX_TICK_MS));
  const settings = {
    requireHostHeader: false,
    noDelay: true,
    maxHeaderSize: MAX_HEAD_BYTES,
    connectionsCheckingInterval: tickMs,
    shouldUpgradeCallback: (request: IncomingMessage) => canBeUpgraded(request, options.settings()),
  };
  const server: Server = tls === undefined
    ? http.createServer(settings)
    : (await import("node:https")).createServer({ ...settings, cert: tls.cert, key: tls.key });
  const listener = new NodeListener(server, handle, { ...options, tickMs, modules: { http, net } });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const path = socketPath(host);
    server.listen(path === undefined ? { host, port, ...(reusePort && { reusePort }) } : { path }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  listener.onListening();
  return listener;
}

/** Throws if a certificate cannot be used. `node:https` in Deno accepts any, and then fails at each handshake. */
function checkCertificate(hostname: string, { cert, key }: ServerTls): void {
  const address = socketPath(hostname) === undefined ? hostname : "127.0.0.1";
  const host = formatAddress({ hostname: address, port: 0 });
  // Without the permission, Deno would prompt or throw.
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") return;
  Deno.listenTls({ hostname: address, port: 0, cert, key }).close();
}

/** Reports whether another server could find another end of a request with a transfer coding (RFC 9112 §6.1, §6.3). */
function isAmbiguous(httpVersion: string, coding: string): boolean {
  return httpVersion === "1.0" || !/(?:^|[,\s])chunked\s*$/i.test(coding);
}

/**
 * Reports whether the connection of a request can be upgraded. One with a body cannot: the body would have to precede
 * the other protocol. Neither can one that offers only versions of HTTP or TLS, as ordinary requests do.
 */
function canBeUpgraded(request: IncomingMessage, settings: NodeSettings): boolean {
  if (!takesUpgrades(settings)) return false;
  const { headers } = request;
  if (headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0") return false;
  return parseList(headers.upgrade ?? "").some((protocol) => !carriesRequests(protocol));
}

class NodeListener implements Listener {
  addr: ListenerAddress = { hostname: "", port: 0 };
  readonly finished: Promise<void>;
  #onEnd: () => void = () => {};
  #onFailure: (error: unknown) => void = () => {};
  readonly #server: Server;
  readonly #handle: ProxyHandler;
  readonly #options: NodeListenerOptions;
  readonly #modules: NodeModules;
  readonly #connections = new Map<Socket, NodeConnection>();
  readonly #admissions: ConnectionAdmissions;
  readonly #pacer = new ReadPacer();
  /** Listeners of sockets whose requests are parsed again. */
  readonly #keptListeners = new WeakMap<Socket, ReadonlySet<unknown>>();
  readonly #ticks: ReturnType<typeof setInterval>;
  readonly #tickMs: number;
  #watch: AcceptWatch | undefined;
  #isClosing = false;
  #isClosed = false;
  /** Pending while responses are held. */
  #hold: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    server: Server,
    handle: ProxyHandler,
    options: NodeListenerOptions & { readonly tickMs: number; readonly modules: NodeModules },
  ) {
    // Not `Promise.withResolvers`, which Node 20 lacks.
    this.finished = new Promise((resolve, reject) => {
      this.#onEnd = resolve;
      this.#onFailure = reject;
    });
    this.#server = server;
    this.#handle = handle;
    this.#options = options;
    this.#modules = options.modules;
    this.#admissions = new ConnectionAdmissions({
      settings: options.settings,
      onRefused: options.onRefused,
      isSecure: options.tls !== undefined,
      mayBeTest: (socket) => this.#watch?.accepted(socket) ?? false,
    });
    server.on("connection", (socket) => void this.#admissions.admit(socket));
    server.on(options.tls === undefined ? "connection" : "secureConnection", (socket) => this.#onConnection(socket));
    server.on("request", (request, response) => this.#onRequest(request, response));
    server.on("clientError", (error, socket) => this.#onClientError(error, socket as Socket));
    // Without a listener for CONNECT, the connection would be closed without a response.
    server.on("connect", (request, socket) => this.#onUpgrade(request, socket as Socket));
    server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
    // Otherwise a client that ends its sending side would get no response. In Bun, the end of a client that has
    // disconnected would not be noticed. The timeouts are those of the ticks.
    // Without a maximum count, because further header lines would be dropped silently. The size limits them.
    const httpAllowHalfOpen = !("Bun" in globalThis);
    Object.assign(server, { httpAllowHalfOpen, keepAliveTimeout: 0, timeout: 0, maxHeadersCount: 0 });
    this.#tickMs = options.tickMs;
    this.#ticks = setInterval(() => this.#tick(), options.tickMs);
    options.urgent?.addEventListener("abort", this.#destroyAll);
  }

  onListening(): void {
    const address = this.#server.address() as { address: string; port: number } | string;
    this.addr = typeof address === "string"
      ? { hostname: this.#options.hostname, port: 0 }
      : { hostname: address.address, port: address.port };
    this.#server.on("error", (error) => this.#onFailure(error));
    // Other runtimes accept again by themselves.
    if (typeof address === "string" || !("Deno" in globalThis)) return;
    this.#watch = new AcceptWatch({
      address: this.addr,
      connect: (port, hostname) => this.#modules.net.connect(port, hostname),
      isShared: this.#options.reusePort,
      onTest: (socket) => {
        this.#admissions.release(socket);
        socket.destroy();
      },
      onStopped: () => this.#fail(),
    });
  }

  /** Gives up the socket of the listener, which the server then opens again. Open connections are served. */
  #fail(): void {
    if (this.#isClosed) return;
    this.#modules.net.Server.prototype.close.call(this.#server as NetServer);
    this.#isClosed = true;
    // The words of the platform, as for the other listener.
    this.#onFailure(new Error("Too many open files (os error 24)"));
    this.#finishIfIdle();
  }

  /**
   * Closes the listener.
   *
   * 1. No more connections are accepted.
   * 2. Responses wait until other listeners of the port are closed too: their clients may connect again.
   * 3. Responses get `Connection: close` (RFC 9112 §9.6). Idle connections are closed.
   */
  close(options: CloseOptions): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async closeUnused(): Promise<void> {
    await this.#close({ uploadTimeoutMs: 0, onClosed: () => Promise.resolve() });
  }

  async #close({ onClosed }: CloseOptions): Promise<void> {
    this.#isClosing = true;
    // Not the method of http.Server, which also ends the timeouts of open connections. Bun's server is no net.Server.
    const { net } = this.#modules;
    if (this.#server instanceof net.Server) {
      if (!this.#isClosed) net.Server.prototype.close.call(this.#server as NetServer);
    } else (this.#server as Server).close();
    this.#isClosed = true;
    await (this.#hold = onClosed());
    this.#hold = undefined;
    if (this.#options.urgent?.aborted) this.#destroyAll();
    this.#finishIfIdle();
  }

  readonly #destroyAll = (): void => {
    for (const { socket } of this.#connections.values()) socket.destroy();
  };

  #finishIfIdle(): void {
    if (!this.#isClosed || this.#hold !== undefined || this.#connections.size > 0) return;
    clearInterval(this.#ticks);
    // Otherwise each reload that opens another listener would keep the previous one.
    this.#options.urgent?.removeEventListener("abort", this.#destroyAll);
    this.#server.close();
    this.#onEnd();
  }

  #tick(): void {
    const timeouts = this.#options.settings().clientTimeouts;
    const { headerMs, requestMs } = timeouts;
    // Zero means no limit. Node requires the timeout of the head to be the shorter one.
    this.#server.requestTimeout = requestMs === Infinity ? 0 : requestMs;
    this.#server.headersTimeout = Math.min(headerMs, requestMs);
    const idleMs = this.#isClosing ? QUIET_MS : timeouts.idleMs;
    const passedMs = this.#isClosing ? QUIET_MS : headerMs + 2 * this.#tickMs;
    const nowMs = performance.now();
    if (!this.#isClosed) this.#watch?.check(nowMs);
    for (const connection of this.#connections.values()) {
      connection.check(nowMs, { headerMs: passedMs, idleMs, requestMs, writeMs: timeouts.writeMs });
    }
    this.#admissions.endHandshakes(nowMs, headerMs);
  }

  #onConnection(socket: Socket): void {
    // Its parser has been replaced, or it has been refused.
    if (this.#connections.has(socket) || socket.destroyed) return;
    const { hostname, tls, onRefused } = this.#options;
    // The connection of a TLS socket. Bun has none.
    const { _parent: raw } = socket as Socket & { readonly _parent?: Socket | null };
    const admission = this.#admissions.admit(raw ?? socket);
    admission.handshakeSinceMs = undefined;
    const connection = new NodeConnection(socket, {
      scheme: tls === undefined ? "http" : "https",
      peer: socketPath(hostname) === undefined ? "" : UNIX_PEER,
      pacer: this.#pacer,
      onRelease: () => this.#remove(socket),
      onTurn: (exchange) => void this.#serve(exchange as NodeExchange),
      onRefused: (reason) => onRefused(reason, unmapAddress(connection.remoteAddr.hostname)),
    });
    this.#connections.set(socket, connection);
    socket.on("close", () => {
      admission.release();
      this.#remove(socket);
    });
    if (admission.refusal !== undefined) connection.refuse();
  }

  #remove(socket: Socket): void {
    this.#connections.delete(socket);
    this.#finishIfIdle();
  }

  #onClientError(error: Error & { readonly code?: string }, socket: Socket): void {
    const connection = this.#connections.get(socket);
    // The handshake of a TLS connection failed.
    if (connection === undefined) socket.destroy();
    else connection.fail(error);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return void response.destroy();
    if (connection.isRefused) return connection.ignore();
    const coding = request.headers["transfer-encoding"];
    if (coding !== undefined && isAmbiguous(request.httpVersion, coding)) return connection.reject();
    connection.begin(new NodeExchange(request, response, connection));
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head?: Uint8Array): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return void socket.destroy();
    if (connection.isRefused) return connection.ignore();
    // The socket has one response at a time, and the parser has stopped.
    connection.whenIdle(() => this.#upgrade(request, connection, head));
  }

  #upgrade(request: IncomingMessage, connection: NodeConnection, head: Uint8Array | undefined): void {
    const { socket } = connection;
    if (head !== undefined && !canBeUpgraded(request, this.#options.settings())) {
      return this.#parseAgain(request, socket, head);
    }
    const response = new this.#modules.http.ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on("finish", () => socket.destroySoon());
    // An error is followed by `close`.
    socket.on("error", () => {});
    connection.begin(new NodeExchange(request, response, connection, head));
  }

  /**
   * Serves a request as if it had no Upgrade field. Node 20 has no `shouldUpgradeCallback`: its parser stops at every
   * such field, in front of the body.
   */
  #parseAgain(request: IncomingMessage, socket: Socket, rest: Uint8Array): void {
    const { method, url, httpVersion, rawHeaders: raw } = request;
    let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
    for (let index = 0; index < raw.length; index += 2) {
      if (raw[index]!.toLowerCase() !== "upgrade") text += `${raw[index]}: ${raw[index + 1]}\r\n`;
    }
    if (rest.length > 0) socket.unshift(rest);
    this.#removeParserListeners(socket);
    socket.unshift(Uint8Array.from(`${text}\r\n`, (character) => character.charCodeAt(0)));
    this.#server.emit(this.#options.tls === undefined ? "connection" : "secureConnection", socket);
  }

  /** Removes the listeners of earlier parsers, which node:http leaves behind. */
  #removeParserListeners(socket: Socket): void {
    const kept = this.#keptListeners.get(socket);
    const events = socket.eventNames().map((event) => [event, socket.listeners(event)] as const);
    if (kept === undefined) return void this.#keptListeners.set(socket, new Set(events.flatMap(([, all]) => all)));
    for (const [event, all] of events) {
      for (const each of all) if (!kept.has(each)) socket.off(event, each as () => void);
    }
  }

  async #serve(exchange: NodeExchange): Promise<void> {
    try {
      const response = await this.#handle(exchange);
      if (this.#hold !== undefined) await this.#hold;
      await exchange.respond(response, this.#isClosing);
    } catch (error) {
      this.#options.onError(error);
      exchange.fail();
    }
  }
}
