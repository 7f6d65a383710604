/** Clients that use their connections again, each with one request at a time, and count the requests that are lost. */

/** Load that runs until it is stopped. */
export interface KeepAliveLoad {
  /** Requests that were sent and got no complete response. */
  readonly lost: number;
  /** Connections that were refused. No request is lost by them. */
  readonly refused: number;
  /** Complete responses. */
  readonly completed: number;
  /** Responses that were not successful. */
  readonly failed: number;
  /** Resolves when this many responses are complete. */
  until(completed: number): Promise<void>;
  /** Stops all clients after their current request. */
  stop(): Promise<void>;
}

/** Options of {@linkcode startLoad}. */
export interface LoadOptions {
  /** Number of clients. */
  readonly clients: number;
  /** Opens a connection. */
  readonly connect: () => Promise<Deno.Conn>;
  /** Pause of each client between two requests, in milliseconds. */
  readonly thinkMs?: () => number;
  /** Request of each client. */
  readonly request?: string;
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Starts clients. A client obeys `Connection: close`, and connects again if connections are refused. */
export function startLoad({ clients, connect, thinkMs = () => 0, request = GET }: LoadOptions): KeepAliveLoad {
  const load = { lost: 0, refused: 0, completed: 0, failed: 0 };
  const bytes = new TextEncoder().encode(request);
  let isStopped = false;
  let changed = Promise.withResolvers<void>();

  async function run(): Promise<void> {
    let connection: Deno.Conn | undefined;
    while (!isStopped) {
      const ms = thinkMs();
      if (ms > 0) await pause(ms);
      try {
        connection ??= await connect();
      } catch {
        load.refused++;
        await pause(5);
        continue;
      }
      const head = await exchange(connection).catch(() => void load.lost++);
      if (head !== undefined && !/^connection: *close\r?$/im.test(head)) continue;
      connection.close();
      connection = undefined;
    }
    connection?.close();
  }

  async function exchange(connection: Deno.Conn): Promise<string> {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    const head = await readResponse(connection);
    load.completed++;
    if (!/^HTTP\/1\.1 2/.test(head)) load.failed++;
    changed.resolve();
    changed = Promise.withResolvers();
    return head;
  }

  const running = Promise.all(Array.from({ length: clients }, run));
  return Object.assign(load, {
    until: async (completed: number) => {
      while (load.completed < completed) await changed.promise;
    },
    stop: async () => {
      isStopped = true;
      await running;
    },
  });
}

/** Reads a response with a Content-Length, and returns its head. */
async function readResponse(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const read = await connection.read(buffer);
    if (read === null) throw new Error("connection closed");
    text += new TextDecoder("latin1").decode(buffer.subarray(0, read));
    const end = text.indexOf("\r\n\r\n") + 4;
    if (end < 4) continue;
    const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1]);
    if (text.length >= end + length) return text.slice(0, end);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
