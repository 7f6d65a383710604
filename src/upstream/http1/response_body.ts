/** A response's body as it comes from the wire, its framing taken off. */

import { ChunkedDecoder, type Decoded } from "./chunked_decoder.ts";
import { detachBuffer } from "../../lib/detach_buffer.ts";
import type { LoopTurns } from "../../lib/loop_turns.ts";
import type { Framing } from "./framing.ts";
import { copyToSlab } from "../../lib/slab.ts";
import { UpstreamFailure } from "../upstream_failure.ts";
import type { BufferedSocket } from "./buffered_socket.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The first buffer of a body, in bytes. */
const MIN_BUFFER_BYTES = 16_384;
/** The largest: more makes a download no faster. */
const MAX_BUFFER_BYTES = 262_144;

/** Ratio of bytes read to bytes of data above which framing is most of the work. */
const MIN_YIELD = 2;

const NO_BYTES = new Uint8Array(0);

/** Settings and state that all bodies of one transport share. */
export interface BodyMeans {
  /** True if the memory of a piece is returned when the next piece is read. */
  readonly reclaims: boolean;
  /** Turns of the event loop for bodies that are mostly framing. */
  readonly turns: LoopTurns;
}

/** Reads one body in pieces. */
export class ResponseBody {
  readonly #wire: BufferedSocket;
  /** What is left of a body of known length. */
  #left: number;
  readonly #chunks: ChunkedDecoder | undefined;
  #ended: boolean;
  #bufferBytes = MIN_BUFFER_BYTES;
  #spare: Bytes | undefined;
  /** True if the last read was mostly framing. */
  #isFraming = false;
  readonly #reclaims: boolean;
  readonly #turns: LoopTurns;
  #lent: Bytes | undefined;
  /** What came with the head, still in the connection's buffer. */
  #held: Decoded | undefined;

  /**
   * Starts at the first byte of the body.
   *
   * @param wire The connection.
   * @param framing Where the body ends.
   * @param means Shared settings and state of the transport.
   */
  constructor(wire: BufferedSocket, framing: Framing["body"], { reclaims, turns }: BodyMeans) {
    this.#reclaims = reclaims;
    this.#turns = turns;
    this.#wire = wire;
    this.#left = typeof framing === "number" ? framing : Infinity;
    this.#chunks = framing === "chunked" ? new ChunkedDecoder() : undefined;
    this.#ended = framing === 0;
  }

  /** Whether all of it has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Looks at what came with the head, and takes it where that is all. Else nothing is copied before it is asked for: most of
   * the answers that nobody reads are given up before.
   *
   * @returns The whole body; `undefined` where more of it is to come, or its end.
   * @throws {UpstreamFailure} Of kind `protocol`, where the framing is broken.
   */
  takeIfWhole(): Bytes | undefined {
    const { unread } = this.#wire;
    this.#held = this.#unframe(unread, unread.length);
    return this.#ended ? this.#takeHeld() : undefined;
  }

  /**
   * Reads on. The piece belongs to the caller.
   *
   * @returns The next piece; `undefined` at the body's end.
   * @throws {UpstreamFailure} Of kind `reset`, where the connection ended before the body; of kind `protocol`, where
   * the framing is broken.
   */
  async read(): Promise<Bytes | undefined> {
    if (this.#lent !== undefined) detachBuffer(this.#lent.buffer);
    this.#lent = undefined;
    const first = this.#takeHeld();
    if (first.length > 0) return first;
    while (!this.#ended) {
      if (this.#isFraming) await this.#turns.turn();
      const buffer = this.#spare ?? new Uint8Array(this.#bufferBytes);
      this.#spare = undefined;
      const count = await this.#wire.readInto(this.#left < buffer.length ? buffer.subarray(0, this.#left) : buffer);
      if (count === 0) {
        if (this.#chunks !== undefined || this.#left !== Infinity) throw new UpstreamFailure("reset");
        this.#ended = true;
        return undefined;
      }
      const { dataEnd, consumedEnd } = this.#unframe(buffer, count);
      // What follows the body is nothing that was asked for.
      if (consumedEnd < count) this.#wire.close();
      this.#isFraming = dataEnd < count / MIN_YIELD;
      if (dataEnd > 0) return this.#handOut(buffer, dataEnd);
      this.#spare = buffer;
    }
    return undefined;
  }

  /**
   * Reads a body of known length to its end.
   *
   * @returns The bytes.
   * @throws {UpstreamFailure} Of kind `reset`, where the connection ended before the body.
   */
  async readWhole(): Promise<Bytes> {
    const { unread } = this.#wire;
    if (unread.length >= this.#left) return this.takeIfWhole()!;
    const whole = new Uint8Array(this.#left);
    whole.set(unread);
    this.#wire.skip(unread.length);
    for (let at = unread.length; at < whole.length;) {
      const count = await this.#wire.readInto(whole.subarray(at));
      if (count === 0) throw new UpstreamFailure("reset");
      at += count;
    }
    this.#ended = true;
    return whole;
  }

  /** What is held is in the connection's buffer, which others have as soon as it is closed. */
  #takeHeld(): Bytes {
    if (this.#held === undefined) return NO_BYTES;
    if (this.#wire.closed) throw new UpstreamFailure("reset");
    const { dataEnd, consumedEnd } = this.#held;
    this.#held = undefined;
    const taken = dataEnd === 0 ? NO_BYTES : copyToSlab(this.#wire.unread.subarray(0, dataEnd));
    this.#wire.skip(consumedEnd);
    return taken;
  }

  #unframe(bytes: Bytes, count: number): Decoded {
    if (this.#chunks !== undefined) {
      const decoded = this.#chunks.decode(bytes, 0, count);
      this.#ended = this.#chunks.ended;
      return decoded;
    }
    const taken = Math.min(this.#left, count);
    this.#left -= taken;
    this.#ended = this.#left === 0;
    return { dataEnd: taken, consumedEnd: taken };
  }

  /** Large pieces are handed out in the buffer that they came in; small ones must not keep a large buffer from its next use. */
  #handOut(buffer: Bytes, length: number): Bytes {
    if (length === buffer.length && this.#bufferBytes < MAX_BUFFER_BYTES) this.#bufferBytes *= 2;
    if (length > buffer.length / 4) {
      if (this.#reclaims) this.#lent = buffer;
      return buffer.subarray(0, length);
    }
    this.#spare = buffer;
    return copyToSlab(buffer.subarray(0, length));
  }
}
