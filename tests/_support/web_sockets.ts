/** WebSocket servers and clients of npm's `ws`, and a conductor that upgrades connections between them. */

import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Buffer } from "node:buffer";
import { WebSocket, WebSocketServer } from "npm:ws@8.18.3";
import type { ConductorEvent, ConfigInput } from "@zeek/conductor";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState, type SharedState } from "../../src/policy/shared_state.ts";
import { createProxyHandler } from "../../src/proxy/handler.ts";
import { type LiveServer, serveConfig } from "../../src/server/live_server.ts";
import type { TestServer } from "./servers.ts";

export { WebSocket };

/** A message with its type. */
export type Message = string | Uint8Array;

/** A WebSocket server with everything that it has received. */
export interface EchoServer extends TestServer {
  readonly received: Message[];
  /** Close codes of the connections that have ended, in order. */
  readonly closed: number[];
  readonly clients: ReadonlySet<WebSocket>;
  /** Resolves when `test` holds after a message or the end of a connection. */
  until(test: (server: EchoServer) => boolean): Promise<void>;
}

/** Options of {@linkcode startEchoServer}. */
export interface EchoOptions {
  /** Certificate. Default: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Accept permessage-deflate. */
  readonly deflate?: boolean;
  /** Subprotocol to select. Default: the first one that the client offers. */
  readonly subprotocol?: string;
  /** Status of a response that refuses the handshake. */
  readonly refuseWith?: number;
  /** Called for each connection. Default: every message is echoed. */
  readonly onConnection?: (socket: WebSocket, raw: Socket) => void;
}

/** Starts a server that echoes messages. */
export async function startEchoServer(options: EchoOptions = {}): Promise<EchoServer> {
  const { tls, deflate = false, subprotocol, refuseWith } = options;
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: deflate,
    maxPayload: 64 * 2 ** 20,
    handleProtocols: (offered: Set<string>) => subprotocol ?? [...offered][0] ?? false,
  });
  const received: Message[] = [];
  const closed: number[] = [];
  let changed = Promise.withResolvers<void>();
  const notify = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => {});
    if (refuseWith !== undefined) {
      socket.end(`HTTP/1.1 ${refuseWith} Refused\r\nWWW-Authenticate: Bearer\r\nContent-Length: 7\r\n\r\nrefused`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client: WebSocket) => {
      client.on("error", () => {});
      client.on("message", (data: Buffer, isBinary: boolean) => {
        received.push(isBinary ? new Uint8Array(data) : data.toString());
        if (options.onConnection === undefined) client.send(data, { binary: isBinary });
        notify();
      });
      client.on("close", (code: number) => {
        closed.push(code);
        notify();
      });
      options.onConnection?.(client, socket);
    });
  });
  server.on("request", (_, response) => response.writeHead(426, { "content-length": "0" }).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const echo: EchoServer = {
    port,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    received,
    closed,
    clients: sockets.clients,
    async until(test) {
      while (!test(echo)) await changed.promise;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return echo;
}

/** Conductor with the node listener. */
export interface UpgradeFront extends TestServer {
  readonly events: ConductorEvent[];
  readonly instance: SharedState;
  readonly server: LiveServer;
  /** Resolves with the first matching event, past or future. */
  event<T extends ConductorEvent["type"]>(
    type: T,
    matches?: (event: Extract<ConductorEvent, { type: T }>) => boolean,
  ): Promise<Extract<ConductorEvent, { type: T }>>;
}

/** Serves conductor with the node listener on a free port. */
export async function startUpgradeFront(config: ConfigInput): Promise<UpgradeFront> {
  const events: ConductorEvent[] = [];
  let changed = Promise.withResolvers<void>();
  const instance = createSharedState();
  const { config: checked } = validateConfig({ port: 0, hostname: "127.0.0.1", listener: "node", ...config });
  const server = await serveConfig(checked, {
    handlerFor: (config) =>
      createProxyHandler(config, {
        instance,
        observe(event) {
          events.push(event);
          changed.resolve();
          changed = Promise.withResolvers();
        },
      }),
  });
  const { port } = server.address;
  return {
    port,
    url: `${checked.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    events,
    instance,
    server,
    async event(type, matches = () => true) {
      for (;;) {
        for (const event of events) {
          if (event.type === type && matches(event as never)) return event as never;
        }
        await changed.promise;
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([server.shutdown(), instance.tunnels.drain(0)]);
    },
  };
}

/** A connected client. */
export interface TestSocket extends AsyncDisposable {
  readonly socket: WebSocket;
  readonly received: Message[];
  /** Resolves with the code when the connection has been closed. */
  readonly closed: Promise<number>;
  /** Resolves when the next bytes have arrived. */
  firstBytes(): Promise<void>;
  /** Resolves when this many messages have arrived. */
  messages(count: number): Promise<Message[]>;
}

/** Connects to a server. Rejects with the status if the handshake fails. */
export async function connect(
  url: string,
  protocols: readonly string[] = [],
  options: Record<string, unknown> = {},
): Promise<TestSocket> {
  const socket = new WebSocket(url.replace("http", "ws") + "/socket", [...protocols], {
    rejectUnauthorized: false,
    perMessageDeflate: false,
    maxPayload: 64 * 2 ** 20,
    ...options,
  });
  const received: Message[] = [];
  let changed = Promise.withResolvers<void>();
  const closed = new Promise<number>((resolve) => socket.on("close", (code: number) => resolve(code)));
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    received.push(isBinary ? new Uint8Array(data) : data.toString());
    changed.resolve();
    changed = Promise.withResolvers();
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("open", () => resolve());
    socket.on("error", reject);
    socket.on("unexpected-response", (request: { destroy(): void }, response: { statusCode: number }) => {
      request.destroy();
      reject(new Error(`status ${response.statusCode}`));
    });
  });
  return {
    socket,
    received,
    closed,
    firstBytes: () => new Promise((resolve) => socket._socket.once("data", () => resolve())),
    async messages(count) {
      while (received.length < count) await changed.promise;
      return received;
    },
    [Symbol.asyncDispose]: async () => {
      socket.terminate();
      await closed;
    },
  };
}
