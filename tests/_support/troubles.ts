/** Faulty services: the effects that a shadow or a secondary may have on its callers. */

import { createServer, type Socket } from "node:net";
import { delay } from "@std/async/delay";
import { refusingUrl, startRawBackend } from "./servers.ts";

/** A running faulty service. */
export interface Troubled extends AsyncDisposable {
  readonly url: string;
  /** Number of connections accepted so far. */
  readonly connections: number;
}

/** The service's fault. */
export type Trouble = "hangs" | "refuses" | "reads 1 KB/s" | "responds without end" | "resets";

/** All faults. */
export const TROUBLES: readonly Trouble[] = ["hangs", "refuses", "reads 1 KB/s", "responds without end", "resets"];

const READ_BYTES = 1_024;
const READ_EVERY_MS = 1_000;
const ENDLESS_HEAD = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const ENDLESS_BYTES = 16_384;

/** Starts a faulty service on a free port. */
export async function startTroubled(trouble: Trouble): Promise<Troubled> {
  if (trouble === "resets") return await startResetting();
  if (trouble === "refuses") {
    return { url: refusingUrl(), connections: 0, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const stopping = new AbortController();
  let connections = 0;
  const server = startRawBackend(async (connection) => {
    connections++;
    await BEHAVIORS[trouble](connection, stopping.signal);
  });
  return {
    url: server.url,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

type Behavior = (connection: Deno.Conn, stopping: AbortSignal) => Promise<void>;

const BEHAVIORS: Readonly<Record<Exclude<Trouble, "refuses" | "resets">, Behavior>> = {
  async hangs(connection) {
    const buffer = new Uint8Array(65_536);
    while (await connection.read(buffer) !== null);
  },
  async "reads 1 KB/s"(connection, signal) {
    const buffer = new Uint8Array(READ_BYTES);
    while (await connection.read(buffer) !== null) await delay(READ_EVERY_MS, { signal });
  },
  async "responds without end"(connection, signal) {
    await connection.read(new Uint8Array(65_536));
    const size = ENDLESS_BYTES.toString(16);
    const chunk = new TextEncoder().encode(`${size}\r\n${"x".repeat(ENDLESS_BYTES)}\r\n`);
    await connection.write(new TextEncoder().encode(ENDLESS_HEAD));
    for (;;) {
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
      // Without the pause, it would fill the system's buffers and take CPU time from the code under test.
      await delay(1, { signal });
    }
  },
};

/** Uses `node:net`, because Deno's own sockets cannot send a reset. */
async function startResetting(): Promise<Troubled> {
  let connections = 0;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    connections++;
    open.add(socket);
    socket.on("error", () => {}); // The other side has reset the connection; "close" follows.
    socket.on("close", () => open.delete(socket));
    socket.once("data", () => socket.resetAndDestroy());
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Cannot listen on a port of loopback");
  return {
    url: `http://127.0.0.1:${address.port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of open) socket.destroy();
      await closed.promise;
    },
  };
}
