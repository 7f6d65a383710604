/** What a connection has received. These are classes, as they refer to a whole exchange: see docs/decisions/022. */

import type { UpstreamResponse } from "../attempt.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Nothing is read before it is asked for. */
const NOTHING_AHEAD: QueuingStrategy<Bytes> = { highWaterMark: 0 };

/** A response has come. */
export class ResponseResult {
  /** It has. */
  readonly ok = true;
  /** The response. */
  readonly response: BufferedResponse | StreamedResponse;

  /**
   * Refers to it.
   *
   * @param response The response.
   */
  constructor(response: BufferedResponse | StreamedResponse) {
    this.response = response;
  }
}

/** Small, or it has come whole with its head. */
export class BufferedResponse implements UpstreamResponse {
  /** The status code. */
  readonly status: number;
  /** The header lines in the order in which they came. */
  readonly headers: UpstreamResponse["headers"];
  /** All of it; `null` where there is none. */
  readonly body: Bytes | null;

  /**
   * Puts it together.
   *
   * @param status The status code.
   * @param headers The header lines.
   * @param body All of the body.
   */
  constructor(status: number, headers: UpstreamResponse["headers"], body: Bytes | null) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** Read as it is asked for; where it never is, there is no stream. */
export class StreamedResponse implements UpstreamResponse {
  /** The status code. */
  readonly status: number;
  /** The header lines in the order in which they came. */
  readonly headers: UpstreamResponse["headers"];
  /** It is. */
  readonly isStreamed = true;
  readonly #source: BodyStreamSource;
  #body: ReadableStream<Bytes> | undefined;

  /**
   * Reads nothing.
   *
   * @param status The status code.
   * @param headers The header lines.
   * @param source What the body is read from.
   */
  constructor(status: number, headers: UpstreamResponse["headers"], source: BodyStreamSource) {
    this.status = status;
    this.headers = headers;
    this.#source = source;
  }

  /** The stream, made when it is first asked for. */
  get body(): ReadableStream<Bytes> {
    return this.#body ??= new ReadableStream(this.#source, NOTHING_AHEAD);
  }

  /** Frees the connection; no stream has been asked for. */
  giveUp(): void {
    this.#source.cancel();
  }
}

/** What a body is read from. */
export class BodyStreamSource implements UnderlyingDefaultSource<Bytes> {
  /** Reads a piece. */
  readonly pull: (controller: ReadableStreamDefaultController<Bytes>) => Promise<void>;
  /** Gives the rest up. */
  readonly cancel: () => void;

  /**
   * Puts both together.
   *
   * @param pull Reads a piece.
   * @param cancel Gives the rest up.
   */
  constructor(pull: BodyStreamSource["pull"], cancel: BodyStreamSource["cancel"]) {
    this.pull = pull;
    this.cancel = cancel;
  }
}
