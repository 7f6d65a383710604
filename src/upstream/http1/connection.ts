/** A keep-alive connection to a service. It runs one exchange at a time, without pipelining. */

import { SMALL_BODY_BYTES } from "../../body/request_body.ts";
import { selectedProtocol } from "../../http/upgrade.ts";
import type { BufferPool } from "../../lib/buffer_pool.ts";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { BAD_FRAMING } from "../response_head.ts";
import {
  streamFailure,
  type TransportFailure,
  type TransportRequest,
  type TransportResult,
  UpstreamFailure,
} from "../transport.ts";
import { BufferedSocket, type Socket } from "./buffered_socket.ts";
import { frameResponse, type Framing } from "./framing.ts";
import { HeadParser, type ResponseHead } from "./head_parser.ts";
import { RequestSender } from "./request_sender.ts";
import { CLOSED_WITHIN, ResponseBody, type ResponseBodyContext } from "./response_body.ts";
import {
  BodyStreamSource,
  BufferedResponse,
  ResponseResult,
  StreamedResponse,
  SwitchedResponse,
} from "./response_result.ts";
import { UpstreamTunnel } from "./upstream_tunnel.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Maximum time in milliseconds for the rest of an available request body after the response has ended. */
const SEND_REST_MS = 250;

/** Pool that a connection belongs to. */
export interface ConnectionListener extends ResponseBodyContext {
  /** Authority of the service, for the Host header. */
  readonly authority: string;
  /** Read buffers, reused after a connection closes. */
  readonly readBuffers: BufferPool;
  /** Buffers for request heads, reused after a connection closes. */
  readonly headBuffers: BufferPool;
  /** Large read buffers of tunnels, reused when a tunnel becomes slower. */
  readonly tunnelBuffers: BufferPool;
  /** Called when the connection is free for another exchange. */
  onIdle(connection: Connection): void;
  /**
   * Called when a reused connection ended before the first byte of the response. Returns the result of another
   * connection; `undefined` if the request must not be sent again.
   */
  onStale(request: TransportRequest, head: Bytes): Promise<TransportResult> | undefined;
}

/** One connection. */
export class Connection {
  /** Time at which the connection was opened, by the clock of the pool. */
  openedMs = 0;
  /**
   * Part of the maximum age that the connection may reach, 0 to 1. It differs, so that connections do not end together.
   */
  ageRatio = 1;
  /** Time at which the connection became idle, by the clock of the pool. */
  idleSinceMs = 0;
  /** Maximum idle time in milliseconds that the service announced. */
  keepAliveTimeoutMs = Infinity;
  readonly #socket: BufferedSocket;
  readonly #listener: ConnectionListener;
  readonly #parser = new HeadParser();
  readonly #sender: RequestSender;
  /** Request and encoded head that wait for a response; `undefined` once the response head has arrived. */
  #request: TransportRequest | undefined;
  #head: Bytes | undefined;
  /** Cancellation of the current request; `undefined` between exchanges. */
  #cancellation: CancellationSignal | undefined;
  #exchanges = 0;
  /** True after the first byte of the response. */
  #hasResponded = false;

  /** Takes over a new socket. */
  constructor(socket: Socket, listener: ConnectionListener) {
    this.#socket = new BufferedSocket(socket, listener.readBuffers);
    this.#sender = new RequestSender(this.#socket, listener.headBuffers);
    this.#listener = listener;
  }

  /** True if the connection is open, and no bytes have arrived without a request. */
  get usable(): boolean {
    return !this.#socket.closed && this.#socket.unreadBytes === 0;
  }

  /** True if the connection has stayed open from one exchange to the next. */
  get wasReused(): boolean {
    return this.#exchanges > 1;
  }

  /** Closes the connection at any point. A current exchange fails. */
  readonly close = (): void => {
    this.#socket.close();
    this.#sender.cancel();
  };

  /**
   * Sends a request and reads the response. Never rejects. The state of a waiting exchange is kept in fields of the
   * long-lived connection: collections would copy the frame of an async function (decision 022).
   *
   * @param request The request.
   * @param encoded Head of the request, if it has been sent before. Default: encoded from the request.
   */
  exchange(request: TransportRequest, encoded?: Bytes): Promise<TransportResult> {
    const cancellation = request.cancellation ?? request.signal;
    this.#exchanges++;
    this.#hasResponded = false;
    this.#request = request;
    this.#cancellation = cancellation;
    cancellation.addEventListener("abort", this.close);
    if (cancellation.aborted) this.close();
    try {
      this.#head = this.#sender.start(request, this.#listener.authority, encoded);
      request.onEncoded?.(this.#head.length);
      return this.#socket.fill().then(this.#onFilled, this.#onFailed);
    } catch (error) {
      return Promise.resolve(this.#onFailed(error));
    }
  }

  readonly #onFilled = (more: boolean): TransportResult | Promise<TransportResult> => {
    try {
      if (!more) throw new UpstreamFailure("reset", "connection closed before the response");
      this.#hasResponded = true;
      const head = this.#takeHead();
      return head === undefined ? this.#receiveHead() : this.#respond(head);
    } catch (error) {
      return this.#onFailed(error);
    }
  };

  readonly #onFailed = (error: unknown): TransportResult | Promise<TransportResult> => {
    const [request, head] = [this.#request, this.#head];
    const failure = this.#fail(error);
    const isStale = failure.kind === "reset" && !this.#hasResponded && this.#exchanges > 1;
    const retried = isStale && request && head && this.#listener.onStale(request, head.slice());
    return retried || failure;
  };

  /** Reads the rest of a head that arrives in several pieces, or the heads after interim responses. */
  async #receiveHead(): Promise<TransportResult> {
    try {
      for (;;) {
        // The number of interim responses has no limit, so they must not block the exchanges with other services.
        await this.#listener.turns.turn();
        if (!await this.#socket.fill()) throw new UpstreamFailure("reset", CLOSED_WITHIN);
        const head = this.#takeHead();
        if (head !== undefined) return await this.#respond(head);
      }
    } catch (error) {
      return this.#onFailed(error);
    }
  }

  #respond(head: ResponseHead): TransportResult | Promise<TransportResult> {
    const request = this.#request!;
    this.#request = this.#head = undefined;
    if (head.status === 101) return new ResponseResult(new SwitchedResponse(head.headers, this.#tunnel()));
    const framing = head.status > 599 ? undefined : frameResponse(head, request.method);
    if (framing === undefined) {
      throw new UpstreamFailure("protocol", head.status > 599 ? `status ${head.status}` : BAD_FRAMING);
    }
    const body = new ResponseBody(this.#socket, framing.body, this.#listener);
    if (this.#isSmallRestMissing(framing.body)) {
      request.onHead?.();
      return body.readWhole().then((whole) => this.#complete(head, framing, whole, body)).catch(this.#onFailed);
    }
    const whole = body.takeIfWhole();
    if (whole !== undefined) return this.#complete(head, framing, whole, body);
    return new ResponseResult(new StreamedResponse(head.status, framing.headers, this.#source(body, framing), body));
  }

  #complete({ status }: ResponseHead, framing: Framing, whole: Bytes, body: ResponseBody): TransportResult {
    this.#finish(framing);
    return new ResponseResult(new BufferedResponse(status, framing.headers, framing.body === 0 ? null : whole, body));
  }

  /** Returns the head of the final response, and consumes interim responses; `undefined` if more bytes are needed. */
  #takeHead(): ResponseHead | undefined {
    while (this.#socket.unreadBytes > 0) {
      const head = this.#parser.parse(this.#socket.unreadBuffer, this.#socket.unreadBytes);
      if (head === "malformed") throw new UpstreamFailure("protocol", describeBytes(this.#socket.unread));
      if (head === "too-large") throw new UpstreamFailure("head-too-large");
      if (head === undefined) return undefined;
      this.#socket.skip(head.bytes);
      if (head.status >= 200) return head;
      if (head.status !== 101) continue;
      const offered = this.#request?.upgrade;
      if (offered !== undefined && selectedProtocol(head.headers, offered) !== undefined) return head;
      throw new UpstreamFailure("protocol", "unexpected status 101");
    }
    return undefined;
  }

  /** Reports whether a part of a small body has not arrived with the head. */
  #isSmallRestMissing(body: Framing["body"]): boolean {
    return typeof body === "number" && body <= SMALL_BODY_BYTES && body > this.#socket.unreadBytes;
  }

  #source(body: ResponseBody, framing: Framing): BodyStreamSource {
    const pull = async (controller: ReadableStreamDefaultController<Bytes>) => {
      try {
        const piece = await body.read();
        if (piece !== undefined) controller.enqueue(piece);
        if (!body.ended) return;
        this.#finish(framing);
        controller.close();
      } catch (error) {
        const { kind, error: words } = this.#fail(error);
        controller.error(new UpstreamFailure(kind, words));
      }
    };
    return new BodyStreamSource(pull, () => void this.#fail(undefined));
  }

  /** Hands over the connection. It is never used for another request. */
  #tunnel(): UpstreamTunnel {
    return new UpstreamTunnel(this.#socket, this.#listener.tunnelBuffers, () => {
      this.#release();
      this.close();
    });
  }

  /** Called after a response. The connection is kept if both messages are complete and the service keeps it open. */
  #finish({ isPersistent, keepAliveTimeoutMs }: Framing): void {
    this.#release();
    if (!isPersistent || !this.usable || this.#sender.bodyPending) return this.close();
    this.keepAliveTimeoutMs = keepAliveTimeoutMs;
    if (this.#sender.sent) this.#park();
    else this.#parkWhenSent();
  }

  /** A response may overtake the last bytes of its request by moments. After that, the service does not read them. */
  async #parkWhenSent(): Promise<void> {
    const timer = setTimeout(this.close, SEND_REST_MS);
    const sent = await this.#sender.sending;
    clearTimeout(timer);
    if (sent) this.#park();
    else this.close();
  }

  /** Keeps the connection for the next exchange. The pending read detects that the service closes it. */
  #park(): void {
    if (!this.usable) return this.close();
    this.#socket.watch(this.#onIdleRead);
    this.#listener.onIdle(this);
  }

  /** Bytes, an end or an error without a request make the connection unusable. */
  readonly #onIdleRead = (): void => {
    if (this.#cancellation === undefined) this.close();
  };

  #fail(error: unknown): TransportFailure {
    const isAborted = this.#cancellation?.aborted === true;
    this.#release();
    this.close();
    if (isAborted) return { ok: false, kind: "aborted" };
    return error instanceof UpstreamFailure ? streamFailure(error) : { ok: false, kind: "protocol" };
  }

  #release(): void {
    this.#cancellation?.removeEventListener("abort", this.close);
    this.#request = this.#head = this.#cancellation = undefined;
  }
}

/** Maximum bytes of a malformed response in the words about it. */
const MAX_SHOWN_BYTES = 60;
const latin1 = new TextDecoder("latin1");

/** Describes the beginning of bytes that are not a response of HTTP/1. */
function describeBytes(bytes: Uint8Array): string {
  // The first frame of a server is SETTINGS, type 4 on stream 0 (RFC 9113 §3.4).
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[3] === 4 && bytes[5] === 0 && bytes[8] === 0) {
    return "read an HTTP/2 frame instead of a response";
  }
  if (bytes[0] === 21 && bytes[1] === 3) return "read a TLS alert instead of a response";
  const isLonger = bytes.length > MAX_SHOWN_BYTES;
  return `malformed response: ${latin1.decode(bytes.subarray(0, MAX_SHOWN_BYTES))}${isLonger ? "…" : ""}`;
}
