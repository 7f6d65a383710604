/**
 * Chunked request bodies of the node listener. llhttp calls JavaScript for each chunk, and node:http reads up to 24
 * times 64 KiB of one connection per turn of the event loop: 250,000 chunks of one byte, which take 0.3 s.
 */

import type { IncomingMessage } from "node:http";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import { onNextTurn } from "../lib/loop_turns.ts";

/** Maximum chunks of one body until it rests. */
const MAX_CHUNKS_WITHOUT_REST = 256;
/** Maximum chunks of all bodies that begin or continue in one turn of the event loop. */
const MAX_CHUNKS_PER_TURN = 4_096;
/**
 * Pause in milliseconds between turns while several bodies rest. With less, Deno 2.9 serves the resting bodies, but
 * rarely the sockets of services: other clients waited for a second.
 */
const PAUSE_MS = 5;
/** Maximum tiny chunks without a wait for the client. Fewer than one read has, so that a flood costs one read. */
const MAX_CHUNKS = 8_192;
/** Mean size in bytes below which chunks are tiny. */
const MIN_MEAN_BYTES = 8;
/** Maximum size in bytes of chunks that are joined. Larger chunks are passed on without a copy. */
const MAX_JOINED_BYTES = 1_024;
/** Maximum size in bytes of joined chunks. */
const MAX_PIECE_BYTES = 16_384;

/** Estimated chunks of a first read, until others have been seen. */
const FIRST_ESTIMATE = 1_024;
const ESTIMATE_READS = 8;

/** A body that rests. */
interface Resting {
  /** Chunks of its last read, as an estimate of the next one. `undefined`: nothing has been read. */
  readonly lastChunks: number | undefined;
  /** Continues to read the body. */
  resume(): void;
}

/** Continues resting bodies in order, few per turn, so that other clients are served in between. One per listener. */
export class ReadPacer {
  readonly #resting: Resting[] = [];
  /** Moving average of the chunks of a read. */
  #meanChunks = FIRST_ESTIMATE;
  /** Estimated chunks of the bodies that have begun in this turn. */
  #begunChunks = 0;

  /** Reports whether a new body may be read in this turn. */
  begin(): boolean {
    if (this.#resting.length > 0) return false;
    if (this.#begunChunks === 0) onNextTurn(() => this.#begunChunks = 0);
    this.#begunChunks += this.#meanChunks;
    return this.#begunChunks <= MAX_CHUNKS_PER_TURN;
  }

  /** Records the chunks of a read. */
  record(chunks: number): void {
    this.#meanChunks += (chunks - this.#meanChunks) / ESTIMATE_READS;
  }

  /** Continues a body in one of the next turns. */
  rest(body: Resting): void {
    // A timer, not `setImmediate`: in Deno 2.9, sockets are served before a timer fires.
    if (this.#resting.push(body) === 1) setTimeout(this.#onTurn, 0);
  }

  readonly #onTurn = (): void => {
    let chunks = 0;
    do {
      const body = this.#resting.shift()!;
      chunks += body.lastChunks ?? this.#meanChunks;
      body.resume();
    } while (this.#resting.length > 0 && chunks < MAX_CHUNKS_PER_TURN);
    if (this.#resting.length > 0) setTimeout(this.#onTurn, PAUSE_MS);
  };
}

/** Options of {@linkcode ChunkJoiner}. */
export interface ChunkJoinerOptions {
  readonly pacer: ReadPacer;
  /** Stops reading from the connection. The rest of the last read still arrives. */
  readonly stop: () => void;
  /** Continues to read from the connection. */
  readonly start: () => void;
  /** Called once if the body is a flood of tiny chunks. */
  readonly onFlood: () => void;
}

/** Joins the small chunks of each turn before they are added to a request, and makes bodies of many chunks rest. */
export class ChunkJoiner implements Resting {
  readonly #options: ChunkJoinerOptions;
  readonly #push: (chunk: Uint8Array | null, encoding?: BufferEncoding) => boolean;
  /** Discards the buffered part of the body. `resume` would not, because the body has a listener for `readable`. */
  readonly #drain: () => void;
  #joined = new GrowingBytes(MAX_PIECE_BYTES);
  /** Chunks and bytes since the client was last waited for. */
  #chunks = 0;
  #bytes = 0;
  #chunksInTurn = 0;
  #isTurnWatched = false;
  #isResting = false;
  /** True if the request's buffer is full. Its next read continues the connection. */
  #isFull = false;
  #isDiscarding = false;
  #isFlood = false;
  lastChunks: number | undefined;

  /** Replaces methods of the request, because node:http has no hook between the parser and the stream. */
  constructor(request: IncomingMessage, options: ChunkJoinerOptions) {
    this.#options = options;
    this.#push = request.push.bind(request);
    this.#drain = () => void request.read(request.readableLength || undefined);
    request.push = (chunk: Uint8Array | null, encoding) => this.#add(chunk, encoding);
    const read = request._read.bind(request);
    request._read = (size) => {
      const wasFull = this.#isFull;
      this.#isFull = false;
      if (!this.#isResting) read(size);
      // node:http does not know that the joiner has stopped the connection.
      if (wasFull) this.#startUnlessFull();
    };
    // node:http calls this after a response. Its own method hides the rest of the body, and never pauses.
    Object.assign(request, {
      _dump: () => {
        this.#isDiscarding = true;
        this.#drain();
        this.#isFull = false;
        this.#startUnlessFull();
      },
    });
    if (!options.pacer.begin()) this.#rest();
  }

  /** Continues after a rest. */
  resume(): void {
    this.#isResting = false;
    this.#startUnlessFull();
  }

  #startUnlessFull(): void {
    if (!this.#isFull && !this.#isFlood && !this.#isResting) this.#options.start();
  }

  /**
   * Adds a chunk. Returns true even if reading has stopped: for each false, the parser would stop again, which costs
   * more than the chunk.
   */
  #add(chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
    if (this.#isFlood) return true;
    if (chunk === null) {
      this.#flush();
      const result = this.#push(null);
      if (this.#isDiscarding) this.#drain();
      return result;
    }
    this.#chunks++;
    this.#bytes += chunk.length;
    if (this.#chunks >= MAX_CHUNKS) {
      if (this.#bytes < MIN_MEAN_BYTES * this.#chunks) {
        this.#isFlood = true;
        this.#joined.clear();
        this.#options.onFlood();
        return true;
      }
      this.#chunks = this.#bytes = 0;
    }
    if (!this.#isTurnWatched) {
      this.#isTurnWatched = true;
      onNextTurn(this.#onTurnEnd);
    }
    if (++this.#chunksInTurn === MAX_CHUNKS_WITHOUT_REST) this.#rest();
    if (this.#isDiscarding) return true;
    if (chunk.length > MAX_JOINED_BYTES) {
      this.#flush();
      this.#pass(chunk, encoding);
    } else if (!this.#joined.append(chunk)) {
      this.#flush();
      this.#joined.append(chunk);
    }
    return true;
  }

  #rest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    this.#options.stop();
    this.#options.pacer.rest(this);
  }

  readonly #onTurnEnd = (): void => {
    this.#isTurnWatched = false;
    this.lastChunks = this.#chunksInTurn;
    this.#options.pacer.record(this.#chunksInTurn);
    if (this.#chunksInTurn < MAX_CHUNKS_WITHOUT_REST) this.#chunks = this.#bytes = 0;
    this.#chunksInTurn = 0;
    this.#flush();
  };

  /** Adds the joined chunks to the request. The request owns the buffer then. */
  #flush(): void {
    if (this.#joined.length === 0) return;
    const { bytes } = this.#joined;
    this.#joined = new GrowingBytes(MAX_PIECE_BYTES);
    if (this.#isDiscarding) return;
    this.#pass(bytes);
  }

  #pass(bytes: Uint8Array, encoding?: BufferEncoding): void {
    if (this.#push(bytes, encoding)) return;
    this.#isFull = true;
    this.#options.stop();
  }
}
