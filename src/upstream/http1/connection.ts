/** A keep-alive connection to a backend: one exchange after the other, never two at a time. */

import type { FailureKind } from "../../http/outcome_kinds.ts";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { SMALL_BODY_BYTES } from "../../body/request_body.ts";
import { UpstreamFailure } from "../upstream_failure.ts";
import { MAX_HEAD_BYTES } from "../response_head.ts";
import type { TransportRequest, TransportResult } from "../transport.ts";
import type { ConnectionBuffers } from "./connection_buffers.ts";
import type { Socket } from "./socket.ts";
import { frameResponse, type Framing } from "./framing.ts";
import { HeadParser, type ResponseHead } from "./head_parser.ts";
import { BodyStreamSource, BufferedResponse, ResponseResult, StreamedResponse } from "./response_result.ts";
import { RequestSender } from "./request_sender.ts";
import { type BodyMeans, ResponseBody } from "./response_body.ts";
import { BufferedSocket } from "./buffered_socket.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How long the rest of a request that is there may still take when it has been answered, in milliseconds. */
const SEND_REST_MS = 250;

/** Owner of a connection. */
export interface ConnectionListener extends BodyMeans {
  /** The backend's authority, for the Host field. */
  readonly authority: string;
  /** Where its buffers come from, and go to when it is closed. */
  readonly buffers: ConnectionBuffers;
  /** Told when the connection can take another exchange. */
  onIdle(connection: Connection): void;
  /**
   * Told when the connection, used before, has died before the first byte of an answer.
   *
   * @param request What had been sent.
   * @param head Its head's bytes, to be sent again as they are.
   * @returns What to answer instead; `undefined` where the request must not be sent again.
   */
  onStale(request: TransportRequest, head: Bytes): Promise<TransportResult> | undefined;
}

/** One connection. */
export class Connection {
  /** When it became idle, by the pool's clock. */
  idleSinceMs = 0;
  /** How long it may stay so, as far as the backend said. */
  idleLimitMs = Infinity;
  readonly #wire: BufferedSocket;
  readonly #owner: ConnectionListener;
  readonly #parser = new HeadParser();
  readonly #sender: RequestSender;
  /** What waits for its answer, and its head; `undefined` when that has come. */
  #request: TransportRequest | undefined;
  #head: Bytes | undefined;
  /** Tells that the request is given up; `undefined` between exchanges. */
  #cancellation: CancellationSignal | undefined;
  #exchanges = 0;
  #answered = false;
  /** Total size of the interim responses to the request, in bytes. The limit is that of a head. */
  #interimBytes = 0;

  /**
   * Takes a socket over.
   *
   * @param socket A connection that has just been made.
   * @param owner Whom it belongs to.
   */
  constructor(socket: Socket, owner: ConnectionListener) {
    this.#wire = new BufferedSocket(socket, owner.buffers.read);
    this.#sender = new RequestSender(this.#wire, owner.buffers.head);
    this.#owner = owner;
  }

  /** Whether it can take an exchange: it is open, and nothing has come that nobody asked for. */
  get usable(): boolean {
    return !this.#wire.closed && this.#wire.unreadBytes === 0;
  }

  /** Whether it has stayed open from one exchange to the next. */
  get hasPersisted(): boolean {
    return this.#exchanges > 1;
  }

  /** Closes it, at any point; what is in flight on it fails. */
  readonly close = (): void => {
    this.#wire.close();
    this.#sender.cancel();
  };

  /**
   * Sends a request and reads the response. What waits for an answer is kept here, as a connection lives long: an async
   * function would have each collection copy its frame (docs/decisions/022).
   *
   * @param request The request.
   * @param encoded Its head, where it has been sent before. Default: it is made from the request.
   * @returns The response, its body still to be read where it is not small, or how it failed. Never rejects.
   */
  exchange(request: TransportRequest, encoded?: Bytes): Promise<TransportResult> {
    const cancellation = request.cancellation ?? request.signal;
    this.#exchanges++;
    this.#answered = false;
    this.#interimBytes = 0;
    this.#request = request;
    this.#cancellation = cancellation;
    cancellation.addEventListener("abort", this.close);
    if (cancellation.aborted) this.close();
    try {
      this.#head = this.#sender.start(request, this.#owner.authority, encoded);
      request.onEncoded?.(this.#head.length);
      return this.#wire.fill().then(this.#onFilled, this.#onFailed);
    } catch (error) {
      return Promise.resolve(this.#onFailed(error));
    }
  }

  readonly #onFilled = (more: boolean): TransportResult | Promise<TransportResult> => {
    try {
      if (!more) throw new UpstreamFailure("reset");
      this.#answered = true;
      const head = this.#takeHead();
      return head === undefined ? this.#receiveRest() : this.#respond(head);
    } catch (error) {
      return this.#onFailed(error);
    }
  };

  readonly #onFailed = (error: unknown): TransportResult | Promise<TransportResult> => {
    const [request, head] = [this.#request, this.#head];
    const kind = this.#fail(error);
    const isStale = kind === "reset" && !this.#answered && this.#exchanges > 1;
    const again = isStale && request && head && this.#owner.onStale(request, head.slice());
    return again || { ok: false, kind };
  };

  /** A head that comes in parts. */
  async #receiveRest(): Promise<TransportResult> {
    try {
      for (;;) {
        if (!await this.#wire.fill()) throw new UpstreamFailure("reset");
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
    const framing = head.status > 599 ? undefined : frameResponse(head, request.method);
    if (framing === undefined) throw new UpstreamFailure("protocol");
    const body = new ResponseBody(this.#wire, framing.body, this.#owner);
    if (this.#isMissing(framing.body)) {
      request.onHead?.();
      return body.readWhole().then((whole) => this.#complete(head, framing, whole)).catch(this.#onFailed);
    }
    const whole = body.takeIfWhole();
    if (whole !== undefined) return this.#complete(head, framing, whole);
    return new ResponseResult(new StreamedResponse(head.status, framing.lines, this.#source(body, framing)));
  }

  #complete({ status }: ResponseHead, framing: Framing, whole: Bytes): TransportResult {
    this.#finish(framing);
    return new ResponseResult(new BufferedResponse(status, framing.lines, framing.body === 0 ? null : whole));
  }

  /** The final response's head, `undefined` as long as it has not come whole. */
  #takeHead(): ResponseHead | undefined {
    while (this.#wire.unreadBytes > 0) {
      const head = this.#parser.parse(this.#wire.unread);
      if (head === "malformed") throw new UpstreamFailure("protocol");
      if (head === "too-large") throw new UpstreamFailure("head-too-large");
      if (head === undefined) return undefined;
      this.#wire.skip(head.bytes);
      if (head.status >= 200) return head;
      // Conductor never asks for another protocol.
      if (head.status === 101) throw new UpstreamFailure("protocol");
      if ((this.#interimBytes += head.bytes) > MAX_HEAD_BYTES) throw new UpstreamFailure("head-too-large");
    }
    return undefined;
  }

  /** Whether a small body has not come with its head. */
  #isMissing(body: Framing["body"]): boolean {
    return typeof body === "number" && body <= SMALL_BODY_BYTES && body > this.#wire.unreadBytes;
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
        controller.error(new UpstreamFailure(this.#fail(error)));
      }
    };
    return new BodyStreamSource(pull, () => void this.#fail(undefined));
  }

  /** After a response: the connection is used again where both sides have said and sent what there was. */
  #finish({ persistent, idleMs }: Framing): void {
    this.#release();
    if (!persistent || !this.usable || this.#sender.awaitsBody) return this.close();
    this.idleLimitMs = idleMs;
    if (this.#sender.sent) this.#rest();
    else this.#restWhenSent();
  }

  /** That an answer overtakes the last of its request is a matter of moments; else the backend does not read. */
  async #restWhenSent(): Promise<void> {
    const timer = setTimeout(this.close, SEND_REST_MS);
    const sent = await this.#sender.sending;
    clearTimeout(timer);
    if (sent) this.#rest();
    else this.close();
  }

  /** Waits for the next exchange with a read: that is how a backend's closing is noticed before the next use. */
  #rest(): void {
    if (!this.usable) return this.close();
    this.#wire.fill().then(this.#wake, this.#wake);
    this.#owner.onIdle(this);
  }

  /** Whatever comes while nothing was asked for, an end included, makes the connection useless. */
  readonly #wake = (): void => {
    if (this.#cancellation === undefined) this.close();
  };

  #fail(error: unknown): FailureKind {
    const isAborted = this.#cancellation?.aborted === true;
    this.#release();
    this.close();
    if (isAborted) return "aborted";
    return error instanceof UpstreamFailure ? error.kind : "protocol";
  }

  #release(): void {
    this.#cancellation?.removeEventListener("abort", this.close);
    this.#request = this.#head = this.#cancellation = undefined;
  }
}
