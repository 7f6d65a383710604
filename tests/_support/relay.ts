/** A relay that can break its connections. It uses `node:net`, because Deno's own sockets cannot send a reset. */

import type { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";

/** A relay to a backend. */
export interface Relay extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** The first bytes of each connection, as Latin-1. */
  readonly hellos: readonly string[];
  /** Closes or resets the connections of all clients. */
  break(by: "close" | "reset"): void;
  /** Resolves when no client is connected. */
  idle(): Promise<void>;
}

/** Starts a relay to a port on loopback. */
export async function startRelay(backendPort: number): Promise<Relay> {
  const hellos: string[] = [];
  const clients = new Set<Socket>();
  let left = Promise.withResolvers<void>();
  const server = createServer((client) => {
    const backend = connect(backendPort, "127.0.0.1");
    clients.add(client);
    client.once("data", (bytes: Buffer) => hellos.push(bytes.toString("latin1")));
    for (const [from, to] of [[client, backend], [backend, client]] as const) {
      from.on("error", () => {}); // "close" follows.
      from.pipe(to);
    }
    backend.on("close", () => client.destroy());
    client.on("close", () => {
      backend.destroy();
      clients.delete(client);
      left.resolve();
      left = Promise.withResolvers();
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as { port: number };
  const idle = async () => {
    while (clients.size > 0) await left.promise;
  };
  return {
    hellos,
    port,
    url: `http://127.0.0.1:${port}`,
    idle,
    break(by) {
      for (const client of clients) {
        client.unpipe();
        // An unread socket does not notice its end.
        client.resume();
        by === "reset" ? client.resetAndDestroy() : client.end();
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const client of clients) client.destroy();
      await closed.promise;
    },
  };
}
