/** A backend whose responses never end. It has its own thread, so that it does not slow down the test's own client. */

/** Traffic of a flood. */
export interface FloodOptions {
  /** Bytes that are repeated after the response head; text as Latin-1. */
  readonly chunk: string;
  /** Sends one `chunk` per write instead of 64 KiB of chunks. Default: `false`. */
  readonly isDripping?: boolean;
}

/** A running flood. */
export interface FloodBackend extends AsyncDisposable {
  readonly url: string;
}

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
const BLOCK_BYTES = 65_536;

/** Starts a flood; each connection is served until the other side closes it. */
export async function startFlood(options: FloodOptions): Promise<FloodBackend> {
  const worker = new Worker(import.meta.url, { type: "module", name: "flood" });
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage(options);
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
  onmessage: ((event: MessageEvent<FloodOptions>) => void) | null;
  postMessage(port: number): void;
}

const scope = globalThis as unknown as WorkerScope;
if ("WorkerGlobalScope" in globalThis && scope.name === "flood") scope.onmessage = ({ data }) => serve(data);

async function serve({ chunk, isDripping = false }: FloodOptions): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  scope.postMessage(listener.addr.port);
  const block = encode(isDripping ? chunk : chunk.repeat(Math.ceil(BLOCK_BYTES / chunk.length)));
  for await (const connection of listener) flood(connection, block);
}

async function flood(connection: Deno.TcpConn, block: Uint8Array): Promise<void> {
  try {
    connection.setNoDelay();
    await connection.read(new Uint8Array(BLOCK_BYTES));
    await writeAll(connection, encode(HEAD));
    for (;;) {
      await writeAll(connection, block);
      // Yields to the other connections.
      await new Promise((resolve) => setTimeout(resolve));
    }
  } catch {
    connection.close();
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
