/** A keep-alive connection to a backend: one exchange after the other, never two at a time. */

import type { FailureKind, UpstreamResponse } from "../../exchange/attempt.ts";
import { SMALL_BODY_BYTES } from "../../exchange/request_body.ts";
import { UpstreamFailure } from "../../exchange/upstream_failure.ts";
import type { TransportRequest, TransportResult } from "../transport.ts";
import type { Socket } from "./dial.ts";
import { type Framing, frameResponse } from "./framing.ts";
import { HeadParser, type ResponseHead } from "./head_parser.ts";
import { RequestSender } from "./request_sender.ts";
import { ResponseBody } from "./response_body.ts";
import { Wire } from "./wire.ts";

/** Interim responses to one request; who sends more is not about to answer. */
const MAX_INTERIM_RESPONSES = 16;

/** Whom a connection belongs to. */
export interface ConnectionOwner {
  /** The backend's authority, for the Host field. */
  readonly authority: string;
  /** Told when the connection can take another exchange. */
  onIdle(connection: Connection): void;
}

/** One connection. */
export class Connection {
  /** When it became idle, by the pool's clock. */
  idleSinceMs = 0;
  /** How long it may stay so, as far as the backend said. */
  idleLimitMs = Infinity;
  /** Whether the backend has answered the last request with a byte at least. */
  answered = false;
  readonly #wire: Wire;
  readonly #owner: ConnectionOwner;
  readonly #parser = new HeadParser();
  readonly #sender: RequestSender;
  /** The request's signal; `undefined` between exchanges. */
  #signal: AbortSignal | undefined;
  #sending: Promise<boolean> = Promise.resolve(true);

  /**
   * Takes a socket over.
   *
   * @param socket A connection that has just been made.
   * @param owner Whom it belongs to.
   */
  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#wire = new Wire(socket);
    this.#sender = new RequestSender(this.#wire);
    this.#owner = owner;
  }

  /** Whether it can take an exchange: it is open, and nothing has come that nobody asked for. */
  get usable(): boolean {
    return !this.#wire.closed && this.#wire.unread.length === 0;
  }

  /** Closes it, at any point; what is in flight on it fails. */
  readonly close = (): void => {
    this.#wire.close();
    this.#sender.cancel();
  };

  /**
   * Sends a request and reads the response.
   *
   * @param request The request.
   * @returns The response, its body still to be read where it is not small, or how it failed. Never rejects.
   */
  async exchange(request: TransportRequest): Promise<TransportResult> {
    const { signal } = request;
    this.answered = false;
    this.#signal = signal;
    this.#wire.hold(true);
    signal.addEventListener("abort", this.close);
    if (signal.aborted) this.close();
    this.#sending = this.#send(request);
    try {
      const head = await this.#readHead();
      const framing = head.status > 599 ? undefined : frameResponse(head, request.method);
      if (framing === undefined) throw new UpstreamFailure("protocol");
      const body = await this.#readBody(framing, request);
      return { ok: true, response: { status: head.status, headers: framing.lines, body } };
    } catch (error) {
      return { ok: false, kind: this.#fail(error) };
    }
  }

  /** A backend may answer and close before it has read all: then its answer counts, not the write that failed. */
  async #send(request: TransportRequest): Promise<boolean> {
    try {
      await this.#sender.send(request, this.#owner.authority);
      return true;
    } catch (error) {
      if (!(error instanceof UpstreamFailure) || error.kind !== "reset") this.close();
      return false;
    }
  }

  async #readHead(): Promise<ResponseHead> {
    for (let interim = 0;;) {
      const { unread } = this.#wire;
      const head = unread.length === 0 ? undefined : this.#parser.parse(unread);
      if (head === "malformed") throw new UpstreamFailure("protocol");
      if (head === undefined) {
        if (!await this.#wire.fill()) throw new UpstreamFailure("reset");
        this.answered = true;
        continue;
      }
      this.#wire.skip(head.bytes);
      if (head.status >= 200) return head;
      // Nobody asked for another protocol.
      if (head.status === 101 || ++interim > MAX_INTERIM_RESPONSES) throw new UpstreamFailure("protocol");
    }
  }

  /** What is small, or has come whole with the head, is read at once; the rest as it is asked for. */
  async #readBody(framing: Framing, request: TransportRequest): Promise<UpstreamResponse["body"]> {
    const body = new ResponseBody(this.#wire, framing.body);
    if (body.ended) {
      this.#finish(framing);
      return null;
    }
    if (typeof framing.body === "number" && framing.body <= SMALL_BODY_BYTES) {
      if (this.#wire.unread.length < framing.body) request.onHead?.();
      const whole = await body.readWhole();
      this.#finish(framing);
      return whole;
    }
    const first = body.takeUnread();
    if (!body.ended) return this.#stream(first, body, framing);
    this.#finish(framing);
    return first;
  }

  #stream(
    first: Uint8Array<ArrayBuffer>,
    body: ResponseBody,
    framing: Framing,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    let unsent = first.length > 0 ? first : undefined;
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const piece = unsent ?? await body.read();
          unsent = undefined;
          if (piece !== undefined) controller.enqueue(piece);
          if (!body.ended) return;
          this.#finish(framing);
          controller.close();
        } catch (error) {
          controller.error(new UpstreamFailure(this.#fail(error)));
        }
      },
      cancel: () => void this.#fail(undefined),
    }, { highWaterMark: 0 });
  }

  /** After a response: the connection is used again where both sides have said and sent what there was. */
  #finish({ persistent, idleMs }: Framing): void {
    this.#release();
    if (!persistent || !this.usable || (this.#sender.streaming && !this.#sender.sent)) return this.close();
    this.idleLimitMs = idleMs;
    if (this.#sender.sent) this.#rest();
    else this.#sending.then((sent) => sent ? this.#rest() : this.close());
  }

  /** Waits for the next exchange with a read: that is how a backend's closing is noticed before the next use. */
  #rest(): void {
    if (!this.usable) return this.close();
    this.#wire.fill().then(this.#wake, this.#wake);
    this.#wire.hold(false);
    this.#owner.onIdle(this);
  }

  /** Whatever comes while nothing was asked for, an end included, makes the connection useless. */
  readonly #wake = (): void => {
    if (this.#signal === undefined) this.close();
  };

  #fail(error: unknown): FailureKind {
    const isAborted = this.#signal?.aborted === true;
    this.#release();
    this.close();
    if (isAborted) return "aborted";
    return error instanceof UpstreamFailure ? error.kind : "protocol";
  }

  #release(): void {
    this.#signal?.removeEventListener("abort", this.close);
    this.#signal = undefined;
  }
}
