/** A backend that speaks HTTP/2 in frames written by hand, so that it can break every rule. */

import { ACK, END_HEADERS, END_STREAM, fieldBlock, FRAME, frame, FRAME_HEAD_BYTES, uint32 } from "./http2_frames.ts";
import { toBytes } from "./latin1.ts";
import { startRawBackend, type TestServer } from "./servers.ts";

type Fields = readonly (readonly [name: string, value: string])[];

/** Options of frames that may end a message. */
export interface FrameOptions {
  /** Set END_STREAM. Default: `false`. */
  readonly end?: boolean;
}

/** One request and the means to respond to it. */
export interface Http2Stream {
  /** Number of the request on its connection, from 1. */
  readonly ordinal: number;
  /** Sends a HEADERS frame with all fields, pseudo-header fields included. */
  fields(fields: Fields, options?: FrameOptions): Promise<void>;
  /** Sends a DATA frame. */
  data(text: string, options?: FrameOptions): Promise<void>;
  /** Sends RST_STREAM. */
  reset(code: number): Promise<void>;
  /** Sends GOAWAY with this stream as the last one, then closes the connection. */
  goAway(code: number): Promise<void>;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Starts a backend for prior knowledge of HTTP/2. */
export function startHttp2Backend(respond: (stream: Http2Stream) => Promise<void>): TestServer {
  return startRawBackend(async (connection) => {
    let sent = Promise.resolve();
    const send = (frames: string) => sent = sent.then(() => writeAll(connection, toBytes(frames)));
    let ordinal = 0;
    await send(frame(FRAME.settings, 0, 0, ""));
    for await (const { type, flags, stream } of readFrames(connection)) {
      if (type === FRAME.settings && !(flags & ACK)) await send(frame(FRAME.settings, ACK, 0, ""));
      if (type !== FRAME.headers) continue;
      respond({
        ordinal: ++ordinal,
        fields: (fields, options) =>
          send(frame(FRAME.headers, END_HEADERS | endOf(options), stream, fieldBlock(fields))),
        data: (text, options) => send(frame(FRAME.data, endOf(options), stream, text)),
        reset: (code) => send(frame(FRAME.reset, 0, stream, uint32(code))),
        async goAway(code) {
          await send(frame(FRAME.goAway, 0, 0, uint32(stream) + uint32(code)));
          connection.close();
        },
      }).catch(() => {}); // The client has gone.
    }
  });
}

function endOf({ end = false }: FrameOptions = {}): number {
  return end ? END_STREAM : 0;
}

async function* readFrames(connection: Deno.Conn): AsyncGenerator<{ type: number; flags: number; stream: number }> {
  const buffer = new Uint8Array(65_536);
  let received: number[] = [];
  let isStarted = false;
  for (let count; (count = await connection.read(buffer)) !== null;) {
    received.push(...buffer.subarray(0, count));
    if (!isStarted && received.length >= PREFACE.length) {
      received = received.slice(PREFACE.length);
      isStarted = true;
    }
    while (isStarted && received.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + (received[0]! << 16 | received[1]! << 8 | received[2]!);
      if (received.length < end) break;
      const stream = received[5]! << 24 | received[6]! << 16 | received[7]! << 8 | received[8]!;
      yield { type: received[3]!, flags: received[4]!, stream };
      received = received.slice(end);
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}
