/**
 * Backends that do wrong on their first request, each in one way, and are healthy from then on. They stand on node:net,
 * as Deno's own sockets can not be reset.
 */

import { createServer, type Server, type Socket } from "node:net";

/** What a fault can do with the connection on which the first request came. */
export interface FaultyConnection {
  /** Sends bytes; text is taken as Latin-1. Rejects once the connection is gone. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Ends our side in order (FIN). */
  close(): void;
  /** Tears the connection down (RST). */
  reset(): void;
  /** Resolves when the other side has gone, or we have closed. */
  readonly gone: Promise<void>;
}

/** Misbehaves once the head of the first request has arrived. */
export type Fault = (connection: FaultyConnection) => Promise<void> | void;

/** A backend with a fault. */
export interface FaultyBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** The heads of all requests, in the order in which they came. */
  readonly heads: readonly string[];
  /** Makes one that refuses connections take them. */
  heal(): Promise<void>;
}

/** What a healed backend answers. */
export const HEALTHY_BODY = "healthy";

/** Starts a backend whose first request meets the fault; `undefined`: it refuses connections until healed. */
export async function startFaultyBackend(fault: Fault | undefined): Promise<FaultyBackend> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    onHeads(socket, async (head) => {
      heads.push(head);
      const connection = faultyConnection(socket);
      if (heads.length === 1 && fault !== undefined) await fault(connection);
      else await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${HEALTHY_BODY.length}\r\n\r\n${HEALTHY_BODY}`);
    });
  });
  const port = await listen(server, 0);
  if (fault === undefined) await close(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    heads,
    async heal() {
      if (fault === undefined && !server.listening) await listen(server, port);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await close(server);
    },
  };
}

/** Hands each request's head on, one after the other. The requests that come here have no body. */
function onHeads(socket: Socket, onHead: (head: string) => Promise<void>): void {
  let text = "";
  let answering: Promise<unknown> = Promise.resolve();
  socket.on("error", () => {}); // The other side has reset the connection; "close" follows.
  socket.on("data", (bytes) => {
    const heads = (text + bytes.toString("latin1")).split("\r\n\r\n");
    text = heads.pop()!;
    for (const head of heads) answering = answering.then(() => onHead(head)).catch(() => socket.destroy());
  });
}

function faultyConnection(socket: Socket): FaultyConnection {
  const gone = Promise.withResolvers<void>();
  socket.once("close", () => gone.resolve());
  return {
    gone: gone.promise,
    close: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
    async write(bytes) {
      if (socket.destroyed) throw new Error("The connection is gone");
      const data = typeof bytes === "string" ? Uint8Array.from(bytes, (character) => character.charCodeAt(0)) : bytes;
      const written = Promise.withResolvers<void>();
      socket.write(data, (error) => error ? written.reject(error) : written.resolve());
      await Promise.race([written.promise, gone.promise]);
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(port, "127.0.0.1", listening.resolve);
  await listening.promise;
  return (server.address() as { port: number }).port;
}

async function close(server: Server): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
}
