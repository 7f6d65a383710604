/**
 * Many HTTP/2 requests on one connection in few bytes. The frames are written by hand, as by a hostile client (RFC 9113
 * §4.1).
 */

/** A request to send many times. */
export interface FloodRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave the request body open. Default: `false`. */
  readonly isOpen?: boolean;
  /** Reset the stream right after the request. Default: `false`. */
  readonly isReset?: boolean;
}

/** Options of {@linkcode connectHttp2}. */
export interface Http2FloodOptions {
  /** Bytes that the server may send on each stream before the client reads. Default: 65,535. */
  readonly windowBytes?: number;
}

/** A connection that sends requests and only counts the responses. */
export interface Http2Flood extends Disposable {
  /** Response heads that have arrived. */
  readonly responses: number;
  /** Sends the same request on `count` new streams, in one write. */
  send(request: FloodRequest, count: number): Promise<void>;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
}

type Chunk = Uint8Array<ArrayBuffer>;

const TYPE = { headers: 1, reset: 3, settings: 4 };
const END_STREAM = 1;
const END_HEADERS = 4;
const INITIAL_WINDOW_SIZE = 4;
const CANCEL = 8;
const FRAME_HEAD_BYTES = 9;

const encoder = new TextEncoder();

/** Connects with prior knowledge of HTTP/2. */
export async function connectHttp2(url: string, options: Http2FloodOptions = {}): Promise<Http2Flood> {
  const { windowBytes = 65_535 } = options;
  const { hostname, port, host } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const window = uint32(windowBytes);
  await writeAll(connection, [
    encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(TYPE.settings, 0, 0, new Uint8Array([0, INITIAL_WINDOW_SIZE, ...window])),
  ]);
  let nextStream = 1;
  let responses = 0;
  const closed = readFrames(connection, (type) => void (type === TYPE.headers && responses++));
  return {
    closed,
    get responses() {
      return responses;
    },
    async send(request, count) {
      const head = encodeHead(request, host);
      const flags = END_HEADERS | (request.isOpen ? 0 : END_STREAM);
      const frames: Chunk[] = [];
      for (let index = 0; index < count; index++, nextStream += 2) {
        frames.push(frame(TYPE.headers, flags, nextStream, head));
        if (request.isReset) frames.push(frame(TYPE.reset, 0, nextStream, uint32(CANCEL)));
      }
      await writeAll(connection, frames);
    },
    [Symbol.dispose]() {
      connection.close();
    },
  };
}

/** Literal fields without indexing need no state (RFC 7541 §6.2.2). */
function encodeHead({ method, path, headers = {} }: FloodRequest, host: string): Chunk {
  const text = (value: string) => [value.length, ...encoder.encode(value)];
  const fields = Object.entries(headers).flatMap(([name, value]) => [0, ...text(name), ...text(value)]);
  return new Uint8Array([method === "GET" ? 0x82 : 0x83, 0x86, 0x04, ...text(path), 0x01, ...text(host), ...fields]);
}

function frame(type: number, flags: number, stream: number, payload: Chunk): Chunk {
  const { length } = payload;
  return new Uint8Array([length >> 16, length >> 8, length, type, flags, ...uint32(stream), ...payload]);
}

function uint32(value: number): Chunk {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

async function writeAll(connection: Deno.Conn, parts: Chunk[]): Promise<void> {
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

async function readFrames(connection: Deno.Conn, onFrame: (type: number) => void): Promise<void> {
  let rest = new Uint8Array();
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return;
    const bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(buffer.subarray(0, count), rest.length);
    let offset = 0;
    while (offset + FRAME_HEAD_BYTES <= bytes.length) {
      const length = (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!;
      if (offset + FRAME_HEAD_BYTES + length > bytes.length) break;
      onFrame(bytes[offset + 3]!);
      offset += FRAME_HEAD_BYTES + length;
    }
    rest = bytes.slice(offset);
  }
}
