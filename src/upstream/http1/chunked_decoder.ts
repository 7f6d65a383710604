/** Decoder of the chunked transfer coding (RFC 9112 §7.1). It decodes in place. */

import type { HeaderLine } from "../../config/config.ts";
import { UpstreamFailure } from "../transport.ts";

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const SEMICOLON = 59;

/** Maximum length in bytes of a line with the size and extensions of a chunk. */
const MAX_SIZE_LINE_BYTES = 4_096;
/** Maximum size in bytes of all trailers together. */
const MAX_TRAILER_BYTES = 16_384;
/** Maximum hexadecimal digits of a size, leading zeros included. All such sizes are safe integers. */
const MAX_SIZE_DIGITS = 13;

/** Whitespace around a field value (RFC 9110 §5.6.3). */
const BLANKS = /^[\t ]+|[\t ]+$/g;

type State =
  | "size"
  | "size-blank"
  | "extension"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "trailer"
  | "trailer-line"
  | "trailer-lf"
  | "end-lf"
  | "end";

/** Result of decoding a piece. */
export interface Decoded {
  /** End of the decoded data, which begins at the start of the piece. */
  readonly dataEnd: number;
  /** End of the bytes that belong to the body: the end of the piece, unless the body ends before. */
  readonly consumedEnd: number;
}

/** Decodes one body. */
export class ChunkedDecoder {
  #state: State = "size";
  /** Remaining bytes of the current chunk. */
  #left = 0;
  #digits = 0;
  #lineBytes = 0;
  /** Trailers as received, with one character per byte. */
  #trailers = "";

  /** True after the last chunk and the trailers. */
  get ended(): boolean {
    return this.#state === "end";
  }

  /** Trailers in the order received. Lines without a name are left out. */
  get trailers(): readonly HeaderLine[] {
    if (!this.ended || this.#trailers === "") return [];
    return this.#trailers.split("\r").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).replace(BLANKS, "")] as const];
    });
  }

  /**
   * Decodes the piece from `start` to `end` in place: moves its data to its beginning.
   *
   * @throws {UpstreamFailure} Of kind `protocol` if the coding is invalid.
   */
  decode(bytes: Uint8Array, start: number, end: number): Decoded {
    let dataEnd = start;
    let at = start;
    while (at < end && this.#state !== "end") {
      if (this.#state === "data") {
        const count = Math.min(this.#left, end - at);
        if (at !== dataEnd) bytes.copyWithin(dataEnd, at, at + count);
        dataEnd += count;
        at += count;
        this.#left -= count;
        if (this.#left === 0) this.#state = "data-cr";
      } else {
        this.#step(bytes[at++]!);
      }
    }
    return { dataEnd, consumedEnd: at };
  }

  /** Processes one byte of framing. */
  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#readSize(byte);
      case "size-blank":
        return this.#afterSize(byte);
      case "extension":
        return this.#readLine(byte, "size-lf", MAX_SIZE_LINE_BYTES);
      case "size-lf":
        this.#lineBytes = this.#digits = 0;
        return this.#expect(byte, LF, this.#left === 0 ? "trailer" : "data");
      case "data-cr":
        return this.#expect(byte, CR, "data-lf");
      case "data-lf":
        return this.#expect(byte, LF, "size");
      case "trailer":
        if (byte === CR) this.#state = "end-lf";
        else {
          this.#state = "trailer-line";
          this.#readTrailer(byte);
        }
        return;
      case "trailer-line":
        return this.#readTrailer(byte);
      case "trailer-lf":
        return this.#expect(byte, LF, "trailer");
      case "end-lf":
        return this.#expect(byte, LF, "end");
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit === undefined) return this.#digits === 0 ? fail() : this.#afterSize(byte);
    if (++this.#digits > MAX_SIZE_DIGITS) fail();
    this.#left = this.#left * 16 + digit;
  }

  #afterSize(byte: number): void {
    if (byte === CR) this.#state = "size-lf";
    else if (byte === SEMICOLON) this.#state = "extension";
    else if (byte === SPACE || byte === TAB) this.#state = "size-blank";
    else fail();
    if (++this.#lineBytes > MAX_SIZE_LINE_BYTES) fail();
  }

  #readTrailer(byte: number): void {
    this.#readLine(byte, "trailer-lf", MAX_TRAILER_BYTES);
    this.#trailers += String.fromCharCode(byte);
  }

  /** Checks an extension or a trailer. */
  #readLine(byte: number, ended: State, limit: number): void {
    if (byte === CR) this.#state = ended;
    else if (byte < SPACE && byte !== TAB) fail();
    if (++this.#lineBytes > limit) fail();
  }

  #expect(byte: number, expected: number, next: State): void {
    if (byte !== expected) fail();
    this.#state = next;
  }
}

function fail(): never {
  throw new UpstreamFailure("protocol", "invalid chunk in the body");
}

function hexDigit(byte: number): number | undefined {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : undefined;
}
