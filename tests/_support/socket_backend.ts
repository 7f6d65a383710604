/**
 * A backend that responds to each request with raw bytes. It uses `node:net`, because Deno's own sockets cannot send a
 * reset.
 */

import type { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";

/** A request as received on the wire. */
export interface SocketRequest {
  /** Request line and header lines. */
  readonly head: string;
  /** Body with its framing. */
  readonly body: string;
  /** Number of the request on its connection, from 1. */
  readonly ordinal: number;
}

/** The connection of a request. */
export interface SocketConnection {
  /** Sends bytes; text is Latin-1. Rejects if the connection is closed. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Closes this side (FIN). */
  close(): void;
  /** Resets the connection (RST). */
  reset(): void;
  /** Resolves when either side has closed the connection. */
  readonly gone: Promise<void>;
}

/** A backend on its own port. */
export interface SocketBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Stops listening, or listens again on the same port. Open connections stay open. */
  listen(listening: boolean): Promise<void>;
}

/** Starts a backend, on a free port by default. It handles the requests of one connection in sequence. */
export async function startSocketBackend(
  onRequest: (request: SocketRequest, connection: SocketConnection) => Promise<void> | void,
  options: { readonly port?: number } = {},
): Promise<SocketBackend> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const connection = connectionOf(socket);
    onRequests(socket, async (request) => await onRequest(request, connection));
  });
  const port = await listen(server, options.port ?? 0);
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
  let responding = Promise.resolve();
  socket.on("error", () => {}); // The other side has reset the connection; "close" follows.
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    for (let end; (end = requestEnd(text)) !== -1;) {
      const headEnd = text.indexOf("\r\n\r\n");
      const request = { head: text.slice(0, headEnd), body: text.slice(headEnd + 4, end), ordinal: ++ordinal };
      text = text.slice(end);
      responding = responding.then(() => onRequest(request)).catch(() => void socket.destroy());
    }
  });
}

/** Returns the offset after the first request; -1 if it is incomplete. */
function requestEnd(text: string): number {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return -1;
  const bodyStart = headEnd + 4;
  const head = text.slice(0, bodyStart);
  if (/^transfer-encoding: chunked\r$/im.test(head)) {
    const lastChunk = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(bodyStart));
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
      if (socket.destroyed) throw new Error("The connection is closed");
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
