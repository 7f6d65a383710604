/**
 * A backend spoken to request by request in raw bytes. It stands on node:net, as Deno's own sockets can not be reset.
 */

import type { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";

/** A request as it was on the wire. */
export interface SocketRequest {
  /** Request line and header lines. */
  readonly head: string;
  /** The body with its framing. */
  readonly body: string;
  /** Which one it is on its connection, from 1. */
  readonly ordinal: number;
}

/** The connection that a request came on. */
export interface SocketConnection {
  /** Sends bytes; text is taken as Latin-1. Rejects once the connection is gone. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Ends our side in order (FIN). */
  close(): void;
  /** Tears the connection down (RST). */
  reset(): void;
  /** Resolves when the other side has gone, or we have closed. */
  readonly gone: Promise<void>;
}

/** A backend on a port of its own. */
export interface SocketBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Stops listening, or listens again on the same port. Connections that are open stay so. */
  listen(listening: boolean): Promise<void>;
}

/** Starts a backend; the requests of one connection are answered one after the other. */
export async function startSocketBackend(
  onRequest: (request: SocketRequest, connection: SocketConnection) => Promise<void> | void,
): Promise<SocketBackend> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const connection = connectionOf(socket);
    onRequests(socket, async (request) => await onRequest(request, connection));
  });
  const port = await listen(server, 0);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async listen(listening) {
      if (listening && !server.listening) await listen(server, port);
      if (!listening && server.listening) server.close();
    },
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      if (server.listening) server.close(() => closed.resolve());
      else closed.resolve();
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}

function onRequests(socket: Socket, onRequest: (request: SocketRequest) => Promise<void>): void {
  let text = "";
  let ordinal = 0;
  let answering = Promise.resolve();
  socket.on("error", () => {}); // The other side has reset the connection; "close" follows.
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    for (let end; (end = requestEnd(text)) !== -1;) {
      const headEnd = text.indexOf("\r\n\r\n");
      const request = { head: text.slice(0, headEnd), body: text.slice(headEnd + 4, end), ordinal: ++ordinal };
      text = text.slice(end);
      answering = answering.then(() => onRequest(request)).catch(() => void socket.destroy());
    }
  });
}

/** Where the first request ends; -1 while it has not come to its end. */
function requestEnd(text: string): number {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return -1;
  const bodyStart = headEnd + 4;
  const head = text.slice(0, bodyStart);
  if (/^transfer-encoding: chunked\r$/im.test(head)) {
    const lastChunk = /(?:^|\r\n)0\r\n\r\n/.exec(text.slice(bodyStart));
    return lastChunk === null ? -1 : bodyStart + lastChunk.index + lastChunk[0].length;
  }
  const end = bodyStart + Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
  return text.length < end ? -1 : end;
}

function connectionOf(socket: Socket): SocketConnection {
  const gone = Promise.withResolvers<void>();
  socket.once("close", () => gone.resolve());
  return {
    gone: gone.promise,
    close: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
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
