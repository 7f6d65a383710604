/** A backend in its own thread. In the thread of the test, it would share the socket operations that are measured. */

/** A running backend. */
export interface ThreadedBackend extends AsyncDisposable {
  readonly url: string;
}

const READ_BYTES = 4_096;
const RESPONSE = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
/** Holds all connections of a test. Otherwise the system drops some, and their clients try again after a second. */
const BACKLOG = 4_096;
const END_OF_HEAD = "\r\n\r\n";

/** Starts a backend that responds to every head with `ok`, and keeps its connections. */
export async function startThreadedBackend(): Promise<ThreadedBackend> {
  const worker = new Worker(import.meta.url, { type: "module", name: "backend" });
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => resolve(data);
  return {
    url: `http://127.0.0.1:${await promise}`,
    [Symbol.asyncDispose]() {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

/** The part of a dedicated worker's scope that is used here. */
interface WorkerScope {
  readonly name: string;
  postMessage(port: number): void;
}

const scope = globalThis as unknown as WorkerScope;
if ("WorkerGlobalScope" in globalThis && scope.name === "backend") listen();

async function listen(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: BACKLOG });
  scope.postMessage(listener.addr.port);
  for await (const connection of listener) serve(connection).catch(() => connection.close());
}

async function serve(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  const decoder = new TextDecoder();
  let head = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return connection.close();
    head += decoder.decode(buffer.subarray(0, count));
    if (!head.endsWith(END_OF_HEAD)) continue;
    head = "";
    await connection.write(RESPONSE);
  }
}
