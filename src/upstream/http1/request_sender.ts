/** Sends the requests of one connection: the head, then the body in the announced framing. */

import type { BufferPool } from "../../lib/buffer_pool.ts";
import { type TransportRequest, UpstreamFailure } from "../transport.ts";
import type { BufferedSocket } from "./buffered_socket.ts";
import { encodeLastChunk, encodeRequestHead } from "./request_head.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size of the buffer for heads, in bytes. Holds most heads. */
export const HEAD_BUFFER_BYTES = 2_048;
/** Maximum size in bytes of a part that is copied. A copy is cheaper than a separate write. */
const MAX_COPIED_BYTES = 16_384;

const encoder = new TextEncoder();
const CRLF = encoder.encode("\r\n");
const NO_BYTES = new Uint8Array(0);

/** Sends the requests of one connection, one at a time. */
export class RequestSender {
  readonly #socket: BufferedSocket;
  readonly #pool: BufferPool;
  #buffer: Bytes;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  #sent = true;
  /** Request that is being sent. */
  #request: TransportRequest | undefined;
  #sending: Promise<boolean> = Promise.resolve(true);

  /**
   * Closes the socket if a request fails for another reason than the socket. Buffers of `pool` have {@linkcode
   * HEAD_BUFFER_BYTES}.
   */
  constructor(socket: BufferedSocket, pool: BufferPool) {
    this.#socket = socket;
    this.#pool = pool;
    this.#buffer = pool.get();
  }

  /** True if the whole request has been written. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Resolves to true when the whole request has been written, to false if that failed. */
  get sending(): Promise<boolean> {
    return this.#sending;
  }

  /** True if a part of the body has not arrived from the client. */
  get bodyPending(): boolean {
    return this.#reader !== undefined;
  }

  /**
   * Starts to send a request after the previous one has been sent. Returns the encoded head, which is valid until the
   * next request or the end of the connection.
   *
   * @throws {UpstreamFailure} Of kind `unsendable` if the request cannot be encoded.
   */
  start(request: TransportRequest, authority: string, encoded?: Bytes): Bytes {
    this.#sent = false;
    this.#reader = undefined;
    this.#request = request;
    const head = encoded ?? encodeRequestHead(request, authority, this.#buffer);
    const { body } = request;
    this.#sending = body === null
      ? this.#socket.writeThen(head, this.#onSent, this.#onFailed)
      : this.#sendWithBody(head, body, request).then(this.#onSent, this.#onFailed);
    return head;
  }

  /** Cancels the rest of the body, and frees the buffer. Nothing can be sent afterwards. */
  cancel(): void {
    this.#reader?.cancel().catch(() => {});
    if (this.#sent) this.#pool.put(this.#buffer);
    this.#buffer = NO_BYTES;
  }

  #sendWithBody(head: Bytes, body: NonNullable<TransportRequest["body"]>, request: TransportRequest): Promise<void> {
    return body instanceof Uint8Array ? this.#sendBytes(head, body) : this.#sendStream(head, body, request);
  }

  readonly #onSent = (): boolean => {
    this.#request?.onSent?.();
    this.#request = undefined;
    return this.#sent = true;
  };

  /** A service may respond and close before it has read the request. Its response counts then, not the failed write. */
  readonly #onFailed = (error: unknown): boolean => {
    this.#request = undefined;
    if (!(error instanceof UpstreamFailure) || error.kind !== "reset") this.#socket.close();
    return false;
  };

  async #sendBytes(head: Bytes, body: Bytes): Promise<void> {
    if (body.length <= MAX_COPIED_BYTES) return await this.#socket.write(join(head, body));
    await this.#socket.write(head);
    await this.#socket.write(body);
  }

  async #sendStream(
    head: Bytes,
    body: ReadableStream<Bytes>,
    { contentLength, trailers }: TransportRequest,
  ): Promise<void> {
    const reader = this.#reader = body.getReader();
    try {
      await this.#socket.write(head);
      let remaining = contentLength ?? Infinity;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        remaining -= value.length;
        if (remaining < 0) throw new UpstreamFailure("protocol");
        if (remaining === 0) this.#reader = undefined;
        if (value.length > 0) await (contentLength === undefined ? this.#writeChunk(value) : this.#socket.write(value));
      }
      // The stream of a cancelled body ends too. It must not look complete to the service.
      if (this.#socket.closed || (contentLength !== undefined && remaining > 0)) throw new UpstreamFailure("aborted");
      this.#reader = undefined;
      if (contentLength === undefined) await this.#socket.write(encodeLastChunk(trailers?.read() ?? []));
    } catch (error) {
      reader.cancel().catch(() => {});
      throw error;
    }
  }

  async #writeChunk(data: Bytes): Promise<void> {
    const size = encoder.encode(`${data.length.toString(16)}\r\n`);
    if (data.length <= MAX_COPIED_BYTES) return await this.#socket.write(join(size, data, CRLF));
    await this.#socket.write(size);
    await this.#socket.write(data);
    await this.#socket.write(CRLF);
  }
}

function join(...parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
