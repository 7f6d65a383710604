/** Frame boundaries and close codes of a WebSocket (RFC 6455 §5.2), without reading the messages. */

import type { TunnelEndCause } from "../observe/events.ts";

const CLOSE = 8;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const SHORT_HEADER_BYTES = 2;
const MASK_BYTES = 4;
/** Longest header: two bytes, a length of eight bytes and a mask. */
const MAX_HEADER_BYTES = 14;

/** Close frame with the code 1001, "going away", as a server sends it. */
export const GOING_AWAY: Uint8Array = Uint8Array.of(0x88, 2, 1001 >> 8, 1001 & 255);

/** Code for a connection that ended without a close frame (RFC 6455 §7.4.1). */
const ABNORMAL = 1006;

/**
 * Returns the close code of a tunnel; `undefined` for other protocols than WebSocket, and for a tunnel that conductor
 * ended.
 */
export function closeCodeOf(frames: WebSocketFrames | undefined, cause: TunnelEndCause): number | undefined {
  if (frames === undefined) return undefined;
  const isOurs = cause === "idle" || cause === "shutdown" || cause === "cut-off";
  return frames.closeCode ?? (isOurs ? undefined : ABNORMAL);
}

/** Follows the frames of one direction of a WebSocket. The work depends on the number of frames, not of bytes. */
export class WebSocketFrames {
  /** Code of the close frame, 1005 for one without a code; `undefined` until there is one. */
  closeCode: number | undefined;
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerBytes = 0;
  /** Bytes of the current frame that have not arrived. */
  #remaining = 0;
  /** Payload of a close frame that has arrived, up to the code; `undefined` in other frames. */
  #code: number[] | undefined;

  /** Returns the frames of a protocol; `undefined` unless it is WebSocket. */
  static of(protocol: string): WebSocketFrames | undefined {
    return protocol.trim().toLowerCase() === "websocket" ? new WebSocketFrames() : undefined;
  }

  /** True if the next byte begins a frame. */
  get isAtBoundary(): boolean {
    return this.#headerBytes === 0;
  }

  /** Follows the frames in `bytes`. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at = this.#advance(bytes, at);
  }

  /** Follows the frames up to the next boundary. Returns its position, or the length if there is none. */
  pushToBoundary(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.isAtBoundary) at = this.#advance(bytes, at);
    return at;
  }

  /** Reads a part of the header, or of the payload. Returns the position after it. */
  #advance(bytes: Uint8Array, at: number): number {
    const needed = this.#headerLength();
    if (this.#headerBytes < needed) {
      this.#header[this.#headerBytes++] = bytes[at]!;
      if (this.#headerBytes === this.#headerLength()) this.#beginPayload();
      return at + 1;
    }
    const count = Math.min(this.#remaining, bytes.length - at);
    if (this.#code !== undefined) this.#code.push(...bytes.subarray(at, at + Math.min(count, 2 - this.#code.length)));
    this.#remaining -= count;
    if (this.#remaining === 0) this.#endFrame();
    return at + count;
  }

  #headerLength(): number {
    if (this.#headerBytes < SHORT_HEADER_BYTES) return SHORT_HEADER_BYTES;
    const second = this.#header[1]!;
    const length = second & LENGTH_BITS;
    const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
    return SHORT_HEADER_BYTES + extended + (second & MASKED ? MASK_BYTES : 0);
  }

  #beginPayload(): void {
    const header = this.#header;
    const length = header[1]! & LENGTH_BITS;
    const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
    this.#remaining = length;
    if (extended > 0) {
      this.#remaining = 0;
      for (let index = 0; index < extended; index++) this.#remaining = this.#remaining * 256 + header[2 + index]!;
    }
    if ((header[0]! & 15) === CLOSE) this.#code = [];
    if (this.#remaining === 0) this.#endFrame();
  }

  #endFrame(): void {
    if (this.#code !== undefined) {
      const isMasked = (this.#header[1]! & MASKED) !== 0;
      const [high = 1005 >> 8, low = 1005 & 255] = this.#code;
      const mask = isMasked && this.#code.length === 2 ? this.#header : undefined;
      this.closeCode = ((high ^ (mask?.[2] ?? 0)) << 8) | (low ^ (mask?.[3] ?? 0));
      this.#code = undefined;
    }
    this.#headerBytes = 0;
  }
}
