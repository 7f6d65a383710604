/** What a handler is told of the connection that a request came on. */

/** What a listener knows of all its connections. */
export interface ListenerInfo {
  /** The scheme that it speaks. */
  readonly scheme: "http" | "https";
  /** What Deno takes for the host of a request that names none; `undefined` where such a request can not be told. */
  readonly defaultAuthority: string | undefined;
}

/** One request's connection; Deno makes its answers on demand, so it is asked only where the handler asks. */
export class RequestInfo implements ListenerInfo {
  /** The scheme of the connection, whatever an absolute-form target claims. */
  readonly scheme: "http" | "https";
  /** What Deno takes for the host of a request that names none. */
  readonly defaultAuthority: string | undefined;
  readonly #info: Deno.ServeHandlerInfo<Deno.NetAddr>;

  /**
   * Puts together what the listener and Deno tell.
   *
   * @param facts What the listener knows.
   * @param info What Deno tells of the request.
   */
  constructor({ scheme, defaultAuthority }: ListenerInfo, info: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    this.scheme = scheme;
    this.defaultAuthority = defaultAuthority;
    this.#info = info;
  }

  /** The peer's address. */
  get remoteAddr(): Deno.NetAddr {
    return this.#info.remoteAddr;
  }

  /** Settles when the response has been sent, or can not be any more. */
  get completed(): Promise<void> {
    return this.#info.completed;
  }
}
