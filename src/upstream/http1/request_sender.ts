/** Sends requests one after the other: the head, and the body in the framing that the head announces. */

import { UpstreamFailure } from "../upstream_failure.ts";
import type { TransportRequest } from "../transport.ts";
import { encodeRequestHead } from "./request_head.ts";
import type { BufferPool } from "../../lib/buffer_pool.ts";
import type { BufferedSocket } from "./buffered_socket.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Holds most heads, in bytes. */
export const HEAD_BUFFER_BYTES = 2_048;
/** Up to here a copy is cheaper than a write of its own, in bytes. */
const COPY_BYTES = 16_384;

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\r\n");
const NO_BYTES = new Uint8Array(0);
const LAST_CHUNK = encoder.encode("0\r\n\r\n");

/** One connection's requests on their way. */
export class RequestSender {
  readonly #wire: BufferedSocket;
  readonly #spare: BufferPool;
  #buffer: Bytes;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  #sent = true;
  /** What is being sent. */
  #request: TransportRequest | undefined;
  #sending: Promise<boolean> = Promise.resolve(true);

  /**
   * Prepares to send.
   *
   * @param wire The connection; it is closed where a request breaks off for another reason than the connection itself.
   * @param spare Buffers of {@linkcode HEAD_BUFFER_BYTES}.
   */
  constructor(wire: BufferedSocket, spare: BufferPool) {
    this.#wire = wire;
    this.#spare = spare;
    this.#buffer = spare.get();
  }

  /** Whether all of the request has been handed to the connection. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Fulfilled with whether all of it has been sent, when that is known. */
  get sending(): Promise<boolean> {
    return this.#sending;
  }

  /** Whether a part of the body is still to arrive. */
  get awaitsBody(): boolean {
    return this.#reader !== undefined;
  }

  /**
   * Begins to send a request. The previous one has been sent.
   *
   * @param request The request.
   * @param authority The backend's authority.
   * @param encoded Its head, if it has been sent before. Default: encoded from the request.
   * @returns Its head. The bytes are valid until another connection or the next request needs their memory.
   * @throws {UpstreamFailure} Of kind `unsendable`, if the request cannot be written.
   */
  start(request: TransportRequest, authority: string, encoded?: Bytes): Bytes {
    this.#sent = false;
    this.#reader = undefined;
    this.#request = request;
    const head = encoded ?? encodeRequestHead(request, authority, this.#buffer);
    this.#sending = this.#send(head, request).then(this.#onSent, this.#onFailed);
    return head;
  }

  /** Gives up what has not been sent of the body, and the buffer; nothing can be sent any more. */
  cancel(): void {
    this.#reader?.cancel().catch(() => {});
    if (this.#sent) this.#spare.put(this.#buffer);
    this.#buffer = NO_BYTES;
  }

  #send(head: Bytes, { body, contentLength }: TransportRequest): Promise<void> {
    if (body === null) return this.#wire.write(head);
    return body instanceof Uint8Array ? this.#sendBytes(head, body) : this.#sendStream(head, body, contentLength);
  }

  readonly #onSent = (): boolean => {
    this.#request?.onSent?.();
    this.#request = undefined;
    return this.#sent = true;
  };

  /** A backend may answer and close before it has read all: then its answer counts, not the write that failed. */
  readonly #onFailed = (error: unknown): boolean => {
    this.#request = undefined;
    if (!(error instanceof UpstreamFailure) || error.kind !== "reset") this.#wire.close();
    return false;
  };

  async #sendBytes(head: Bytes, body: Bytes): Promise<void> {
    if (body.length <= COPY_BYTES) return await this.#wire.write(join(head, body));
    await this.#wire.write(head);
    await this.#wire.write(body);
  }

  async #sendStream(head: Bytes, body: ReadableStream<Bytes>, contentLength: number | undefined): Promise<void> {
    const reader = this.#reader = body.getReader();
    try {
      await this.#wire.write(head);
      let left = contentLength ?? Infinity;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        left -= value.length;
        if (left < 0) throw new UpstreamFailure("protocol");
        if (left === 0) this.#reader = undefined;
        if (value.length > 0) await (contentLength === undefined ? this.#writeChunk(value) : this.#wire.write(value));
      }
      // A cancelled body ends as well; it must not look like a whole one.
      if (this.#wire.closed || (contentLength !== undefined && left > 0)) throw new UpstreamFailure("aborted");
      this.#reader = undefined;
      if (contentLength === undefined) await this.#wire.write(LAST_CHUNK);
    } catch (error) {
      reader.cancel().catch(() => {});
      throw error;
    }
  }

  async #writeChunk(data: Bytes): Promise<void> {
    const size = encoder.encode(`${data.length.toString(16)}\r\n`);
    if (data.length <= COPY_BYTES) return await this.#wire.write(join(size, data, LINE_END));
    await this.#wire.write(size);
    await this.#wire.write(data);
    await this.#wire.write(LINE_END);
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
