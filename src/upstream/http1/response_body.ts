/** Body of a response as read from a connection, without its framing. */

import type { HeaderLine } from "../../config/config.ts";
import { detachBuffer } from "../../lib/detach_buffer.ts";
import type { LoopTurns } from "../../lib/loop_turns.ts";
import type { Slab } from "../../lib/slab.ts";
import { UpstreamFailure } from "../transport.ts";
import type { BufferedSocket } from "./buffered_socket.ts";
import { ChunkedDecoder, type Decoded } from "./chunked_decoder.ts";
import type { Framing } from "./framing.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size of the first buffer of a body, in bytes. */
const MIN_BUFFER_BYTES = 16_384;
/** Maximum size of a buffer in bytes. Larger buffers do not make downloads faster. */
const MAX_BUFFER_BYTES = 262_144;

/** Ratio of bytes read to bytes of data above which framing is most of the work. */
const MAX_FRAMING_RATIO = 2;

/** Words about a connection that ended within a response. */
export const CLOSED_WITHIN = "connection closed within the response";

const NO_BYTES = new Uint8Array(0);

/** State and settings shared by all bodies of a transport. */
export interface ResponseBodyContext {
  /** Release the memory of a piece when the next piece is read. */
  readonly detachBuffers: boolean;
  /** Turns of the event loop for bodies that are mostly framing. */
  readonly turns: LoopTurns;
  /** Memory of small pieces. */
  readonly slab: Slab;
}

/**
 * Reads one body in pieces. Methods throw an {@linkcode UpstreamFailure}: `reset` at an early end, `protocol` for bad
 * framing.
 */
export class ResponseBody {
  readonly #socket: BufferedSocket;
  /** Remaining bytes of a body with a known length; otherwise infinite. */
  #remaining: number;
  readonly #chunks: ChunkedDecoder | undefined;
  #ended: boolean;
  #bufferBytes = MIN_BUFFER_BYTES;
  #spare: Bytes | undefined;
  /** True if the last read was mostly framing. */
  #isFraming = false;
  readonly #context: ResponseBodyContext;
  /** Buffer of the last piece, to be detached on the next read. */
  #emitted: Bytes | undefined;
  /** Data that arrived with the head. It is still in the buffer of the connection. */
  #early: Decoded | undefined;

  /** Starts at the first byte of the body. */
  constructor(socket: BufferedSocket, framing: Framing["body"], context: ResponseBodyContext) {
    this.#context = context;
    this.#socket = socket;
    this.#remaining = typeof framing === "number" ? framing : Infinity;
    this.#chunks = framing === "chunked" ? new ChunkedDecoder() : undefined;
    this.#ended = framing === 0;
  }

  /** True after the last byte has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Trailers, once the body has ended. */
  get trailers(): readonly HeaderLine[] {
    return this.#chunks?.trailers ?? [];
  }

  /**
   * Returns the body if all of it arrived with the head, otherwise `undefined`. In that case, nothing is copied yet:
   * most responses that lose the selection are discarded before their body is read.
   */
  takeIfWhole(): Bytes | undefined {
    this.#early = this.#unframe(this.#socket.unreadBuffer, this.#socket.unreadBytes);
    return this.#ended ? this.#takeEarly() : undefined;
  }

  /** Returns the next piece, which belongs to the caller; `undefined` at the end of the body. */
  async read(): Promise<Bytes | undefined> {
    if (this.#emitted !== undefined) detachBuffer(this.#emitted.buffer);
    this.#emitted = undefined;
    const first = this.#takeEarly();
    if (first.length > 0) return first;
    while (!this.#ended) {
      if (this.#isFraming) await this.#context.turns.turn();
      const buffer = this.#spare ?? new Uint8Array(this.#bufferBytes);
      this.#spare = undefined;
      const count = await this.#socket.readInto(
        this.#remaining < buffer.length ? buffer.subarray(0, this.#remaining) : buffer,
      );
      if (count === 0) {
        if (this.#chunks !== undefined || this.#remaining !== Infinity) {
          throw new UpstreamFailure("reset", CLOSED_WITHIN);
        }
        this.#ended = true;
        return undefined;
      }
      const { dataEnd, consumedEnd } = this.#unframe(buffer, count);
      // Bytes after the body belong to no request, so the connection cannot be used again.
      if (consumedEnd < count) this.#socket.close();
      this.#isFraming = dataEnd < count / MAX_FRAMING_RATIO;
      if (dataEnd > 0) return this.#emit(buffer, dataEnd);
      this.#spare = buffer;
    }
    return undefined;
  }

  /** Reads a body with a known length to its end. */
  async readWhole(): Promise<Bytes> {
    const { unread } = this.#socket;
    if (unread.length >= this.#remaining) return this.takeIfWhole()!;
    const whole = new Uint8Array(this.#remaining);
    whole.set(unread);
    this.#socket.skip(unread.length);
    for (let at = unread.length; at < whole.length;) {
      const count = await this.#socket.readInto(whole.subarray(at));
      if (count === 0) throw new UpstreamFailure("reset", CLOSED_WITHIN);
      at += count;
    }
    this.#ended = true;
    return whole;
  }

  /** Copies the early data. A closed connection no longer owns its buffer. */
  #takeEarly(): Bytes {
    if (this.#early === undefined) return NO_BYTES;
    if (this.#socket.closed) throw new UpstreamFailure("reset", CLOSED_WITHIN);
    const { dataEnd, consumedEnd } = this.#early;
    this.#early = undefined;
    const taken = dataEnd === 0 ? NO_BYTES : this.#context.slab.copy(this.#socket.unreadBuffer.subarray(0, dataEnd));
    this.#socket.skip(consumedEnd);
    return taken;
  }

  #unframe(bytes: Bytes, count: number): Decoded {
    if (this.#chunks !== undefined) {
      const decoded = this.#chunks.decode(bytes, 0, count);
      this.#ended = this.#chunks.ended;
      return decoded;
    }
    const taken = Math.min(this.#remaining, count);
    this.#remaining -= taken;
    this.#ended = this.#remaining === 0;
    return { dataEnd: taken, consumedEnd: taken };
  }

  /** Returns a large piece in its own buffer. A small piece is copied, so that the large buffer can be used again. */
  #emit(buffer: Bytes, length: number): Bytes {
    if (length === buffer.length && this.#bufferBytes < MAX_BUFFER_BYTES) this.#bufferBytes *= 2;
    if (length > buffer.length / 4) {
      if (this.#context.detachBuffers) this.#emitted = buffer;
      return buffer.subarray(0, length);
    }
    this.#spare = buffer;
    return this.#context.slab.copy(buffer.subarray(0, length));
  }
}
