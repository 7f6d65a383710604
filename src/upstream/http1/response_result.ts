/** Results of a connection. Classes, because V8 pretenures object literals that refer to an exchange (decision 022). */

import type { HeaderLine } from "../../config/config.ts";
import type { TunnelEnd } from "../../http/upgrade.ts";
import type { UpstreamResponse } from "../attempt.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Prevents the stream from reading before the first pull. */
const NO_READ_AHEAD: QueuingStrategy<Bytes> = { highWaterMark: 0 };

/** Body with its trailers, once it has been read. */
interface TrailerSource {
  readonly trailers: readonly HeaderLine[];
}

/** Successful result of a transport. */
export class ResponseResult {
  readonly ok = true;
  readonly response: UpstreamResponse;

  constructor(response: UpstreamResponse) {
    this.response = response;
  }
}

/** Response whose body is in memory. */
export class BufferedResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: UpstreamResponse["headers"];
  readonly body: Bytes | null;
  readonly #source: TrailerSource;

  constructor(status: number, headers: UpstreamResponse["headers"], body: Bytes | null, source: TrailerSource) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.#source = source;
  }

  trailers(): readonly HeaderLine[] {
    return this.#source.trailers;
  }
}

/** Response whose body is read on demand. The stream is created on first access. */
export class StreamedResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: UpstreamResponse["headers"];
  readonly isStreamed = true;
  readonly #source: BodyStreamSource;
  readonly #trailers: TrailerSource;
  #body: ReadableStream<Bytes> | undefined;

  constructor(
    status: number,
    headers: UpstreamResponse["headers"],
    source: BodyStreamSource,
    trailers: TrailerSource,
  ) {
    this.status = status;
    this.headers = headers;
    this.#source = source;
    this.#trailers = trailers;
  }

  trailers(): readonly HeaderLine[] {
    return this.#trailers.trailers;
  }

  get body(): ReadableStream<Bytes> {
    return this.#body ??= new ReadableStream(this.#source, NO_READ_AHEAD);
  }

  /** Frees the connection of a response whose stream has not been accessed. */
  discard(): void {
    this.#source.cancel();
  }
}

/** Response that switched protocols. The tunnel counts as a body that is still arriving. */
export class SwitchedResponse implements UpstreamResponse {
  readonly status = 101;
  readonly headers: UpstreamResponse["headers"];
  readonly body = null;
  readonly isStreamed = true;
  readonly tunnel: TunnelEnd;
  closeCode: number | undefined;

  constructor(headers: UpstreamResponse["headers"], tunnel: TunnelEnd) {
    this.headers = headers;
    this.tunnel = tunnel;
  }

  /** Closes the connection. */
  discard(): void {
    this.tunnel.destroy();
  }
}

/** Source of the stream of a body. */
export class BodyStreamSource implements UnderlyingDefaultSource<Bytes> {
  /** Reads the next piece. */
  readonly pull: (controller: ReadableStreamDefaultController<Bytes>) => Promise<void>;
  /** Discards the rest. */
  readonly cancel: () => void;

  constructor(pull: BodyStreamSource["pull"], cancel: BodyStreamSource["cancel"]) {
    this.pull = pull;
    this.cancel = cancel;
  }
}
