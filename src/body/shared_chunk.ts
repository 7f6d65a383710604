/** Memory with a part of a request body, shared by the attempts that have not sent it yet. */

import { detachBuffer } from "../lib/detach_buffer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Maximum size in bytes of pieces that are copied into a slab. A piece of its own costs several hundred bytes of
 * objects.
 */
const MAX_COPIED_BYTES = 4_096;
const MIN_SLAB_BYTES = 1_024;
const MAX_SLAB_BYTES = 65_536;

/** A buffer, and the number of branches that still need it. */
export class SharedChunk {
  readonly bytes: Bytes;
  readonly #detachBuffer: boolean;
  #refs = 1;

  /** Starts with one reference: the writer's. */
  constructor(bytes: Bytes, detachBuffer: boolean) {
    this.bytes = bytes;
    this.#detachBuffer = detachBuffer;
  }

  acquire(): void {
    this.#refs++;
  }

  /** The last release returns the memory without waiting for a collection, if only native code reads the bytes. */
  release(): void {
    if (--this.#refs === 0 && this.#detachBuffer) detachBuffer(this.bytes.buffer);
  }
}

/** A part of a chunk that waits for one service. */
export class ChunkRange {
  readonly chunk: SharedChunk;
  readonly start: number;
  end: number;

  constructor(chunk: SharedChunk, start: number, end: number) {
    this.chunk = chunk;
    this.start = start;
    this.end = end;
  }

  get bytes(): Bytes {
    return this.chunk.bytes.subarray(this.start, this.end);
  }
}

/**
 * Packs a body's pieces, so that the memory held is close to the bytes queued. Runtimes return views on buffers of 64
 * KiB: otherwise a client that sends single bytes would hold 65,536 times as much memory.
 */
export class ChunkPacker {
  readonly #detachBuffers: boolean;
  #slab: SharedChunk | undefined;
  #used = 0;
  #nextSlabBytes = MIN_SLAB_BYTES;

  constructor(detachBuffers: boolean) {
    this.#detachBuffers = detachBuffers;
  }

  /** Returns the range that holds a piece. The caller releases its chunk once every branch has acquired it. */
  pack(piece: Bytes): ChunkRange {
    if (!isSparse(piece)) return new ChunkRange(new SharedChunk(piece, this.#detachBuffers), 0, piece.length);
    let slab = this.#slab;
    if (slab === undefined || this.#used + piece.length > slab.bytes.length) slab = this.#openSlab(piece.length);
    const start = this.#used;
    slab.bytes.set(piece, start);
    slab.acquire();
    return new ChunkRange(slab, start, this.#used += piece.length);
  }

  /** Ends the packing. The last branch releases the memory. */
  close(): void {
    this.#slab?.release();
    this.#slab = undefined;
  }

  #openSlab(pieceBytes: number): SharedChunk {
    this.close();
    const bytes = new Uint8Array(Math.max(pieceBytes, this.#nextSlabBytes));
    this.#used = 0;
    this.#nextSlabBytes = Math.min(2 * this.#nextSlabBytes, MAX_SLAB_BYTES);
    return this.#slab = new SharedChunk(bytes, this.#detachBuffers);
  }
}

/** Reports whether a piece must be copied: it is small, or fills less than half of its buffer. */
export function isSparse(piece: Bytes): boolean {
  return piece.length <= MAX_COPIED_BYTES || 2 * piece.length < piece.buffer.byteLength;
}
