/**
 * Reading of chunked bodies from Deno's HTTP/1.1 server, which reads ahead without a limit.
 *
 * Each read takes as many bytes from the socket as the largest read so far, and adds them to a buffer. It then consumes
 * at most one chunk, and moves the rest of the buffer. At the end of the request, Deno drains the buffer in one turn,
 * in quadratic time (decision 023).
 */

/** Size in bytes of reads until a chunk fills one. Deno takes at least this much. */
const SMALL_READ_BYTES = 1_024;
/** Size in bytes of all further reads. Chunks of this size leave nothing behind. */
const LARGE_READ_BYTES = 65_536;
/**
 * Maximum bytes that Deno may hold when a body of small reads pauses: after each pause, it takes more than it consumes.
 */
const MAX_UNREAD_BYTES = 32_768;
/** Maximum tiny chunks in a row without a wait for the client. More of them would take too long in one turn. */
const MAX_READY_CHUNKS = 12_288;
/** Mean size in bytes below which chunks are tiny. */
const MIN_MEAN_BYTES = 16;
/**
 * Maximum chunks between two rests. A wait for the client is not enough: its read completes before other sockets are
 * served.
 */
const MAX_CHUNKS_WITHOUT_REST = 256;
const MEAN_WINDOW_CHUNKS = 256;
/** Maximum size in bytes that counts in the mean, so that one large chunk does not hide many tiny ones. */
const MAX_SAMPLE_BYTES = 4_096;

/** State of one body without a declared length. Estimates how much of it Deno holds, and decides how to read on. */
export class ChunkFlow {
  #readBytes = SMALL_READ_BYTES;
  /** Chunks since a read had to wait for the client. */
  #readyChunks = 0;
  /** Maximum bytes that Deno has taken since then, and not consumed. */
  #unreadBytes = 0;
  #chunksSinceRest = 0;
  #meanBytes = 0;

  /** Size of the next read in bytes. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /**
   * True if Deno may hold so much that the body must be read without a pause until a read waits for the client. Never
   * true after a large read: Deno may hold 8 MiB more after each pause, and it would take seconds to consume them.
   */
  get isBehind(): boolean {
    return this.#readBytes === SMALL_READ_BYTES && this.#unreadBytes > MAX_UNREAD_BYTES;
  }

  /** Returns true, once, if other sockets must be served before the next read. */
  takeRest(): boolean {
    if (this.#readBytes > SMALL_READ_BYTES || this.#unreadBytes > 0) return false;
    if (this.#chunksSinceRest < MAX_CHUNKS_WITHOUT_REST) return false;
    this.#chunksSinceRest = 0;
    return true;
  }

  /**
   * Records a chunk. Returns `false` if the body is a flood of tiny chunks.
   *
   * @param hasWaited True if the read had to wait for the client: Deno's buffer was empty.
   */
  record(lengthBytes: number, hasWaited: boolean): boolean {
    if (hasWaited) this.#readyChunks = this.#unreadBytes = 0;
    else this.#unreadBytes += this.#readBytes - lengthBytes;
    this.#meanBytes += (Math.min(lengthBytes, MAX_SAMPLE_BYTES) - this.#meanBytes) / MEAN_WINDOW_CHUNKS;
    if (lengthBytes === this.#readBytes) this.#readBytes = LARGE_READ_BYTES;
    this.#chunksSinceRest++;
    return ++this.#readyChunks < MAX_READY_CHUNKS || this.#meanBytes >= MIN_MEAN_BYTES;
  }
}
