/** Backends that speak TLS, and faults of TLS connections. */

import type { Certificate } from "./certificates.ts";
import { readUntil } from "./servers.ts";

const encoder = new TextEncoder();

/** A backend that responds with the method and the body of the request. */
export interface TlsBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** Starts a backend that speaks HTTP/1.1, and HTTP/2 with clients that offer it. */
export function startTlsBackend({ cert, key }: Certificate, hostname = "127.0.0.1"): TlsBackend {
  const options = { hostname, port: 0, cert, key, onListen() {} };
  const server = Deno.serve(options, async (request) => new Response(`${request.method} ${await request.text()}`));
  const { port } = server.addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return { url: `https://${host}:${port}/`, port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Starts a backend that reads a head, calls `respond`, and closes the connection. */
export function startRawTlsBackend(
  { cert, key }: Certificate,
  respond: (connection: Deno.TlsConn) => Promise<void>,
): TlsBackend {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const serving = acceptAll(listener, async (connection) => {
    await readUntil(connection);
    await respond(connection);
  });
  return backendAt(listener, serving);
}

/** Sends a response without a length, which the end of the connection delimits. */
export async function respondUntilClose(connection: Deno.TlsConn): Promise<void> {
  await connection.write(encoder.encode("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it"));
}

/** Starts a listener instead of a TLS backend. It gets the connection after the client's first bytes. */
export function startImpostor(
  act: (connection: Deno.TcpConn, hello: string) => Promise<void> | void,
): TlsBackend {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = acceptAll(listener, async (connection) => {
    const hello = new Uint8Array(4096);
    const length = await connection.read(hello) ?? 0;
    await act(connection, new TextDecoder("latin1").decode(hello.subarray(0, length)));
  });
  return backendAt(listener, serving);
}

/** Starts a relay to a backend that closes both connections without a TLS alert when `cut` resolves. */
export function startCuttingRelay(backendPort: number, cut: Promise<void>): TlsBackend {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = acceptAll(listener, async (client) => {
    const backend = await Deno.connect({ hostname: "127.0.0.1", port: backendPort });
    const pipes = [pipe(client, backend), pipe(backend, client)];
    await cut;
    client.close();
    backend.close();
    await Promise.all(pipes);
  });
  return backendAt(listener, serving);
}

/**
 * A relay to a backend that holds each connection until `release` resolves, so that the test controls the duration of
 * handshakes.
 */
export interface HoldingRelay extends TlsBackend {
  /** Connections that have sent their first bytes. */
  readonly held: number;
  /** Resolves when this many connections are held. */
  untilHeld(count: number): Promise<void>;
}

/** Starts a {@linkcode HoldingRelay}. */
export function startHoldingRelay(backendPort: number, release: () => Promise<void>): HoldingRelay {
  let held = 0;
  const waiting = new Set<() => void>();
  const ended = Promise.withResolvers<void>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = acceptAll(listener, async (client) => {
    const hello = new Uint8Array(4096);
    const length = await client.read(hello) ?? 0;
    held++;
    for (const check of waiting) check();
    await release();
    using backend = await Deno.connect({ hostname: "127.0.0.1", port: backendPort });
    await backend.write(hello.subarray(0, length));
    await Promise.race([pipe(client, backend), pipe(backend, client), ended.promise]);
  });
  const relay = backendAt(listener, serving);
  return {
    ...relay,
    [Symbol.asyncDispose]() {
      ended.resolve();
      return relay[Symbol.asyncDispose]();
    },
    get held() {
      return held;
    },
    untilHeld(count) {
      return new Promise((resolve) => {
        const check = () => held >= count && waiting.delete(check) && resolve();
        waiting.add(check);
        check();
      });
    },
  };
}

async function pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    for (let count; (count = await from.read(buffer)) !== null;) {
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  } catch {
    // The other side has closed the connection.
  }
}

async function acceptAll<C extends Deno.Conn>(
  listener: AsyncIterable<C>,
  serve: (connection: C) => Promise<void>,
): Promise<void> {
  const serving: Promise<void>[] = [];
  for await (const connection of listener) {
    serving.push(
      serve(connection).catch(() => {}).finally(() => {
        try {
          connection.close();
        } catch {
          // The test has closed it.
        }
      }),
    );
  }
  await Promise.all(serving);
}

function backendAt(listener: Deno.Listener, serving: Promise<void>): TlsBackend {
  const { port } = listener.addr as Deno.NetAddr;
  return {
    url: `https://127.0.0.1:${port}/`,
    port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}
