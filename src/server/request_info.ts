/** Information about the connection of a request. */

/** Information that is the same for all connections of a listener. */
export interface ListenerInfo {
  /** Scheme of the listener. */
  readonly scheme: "http" | "https";
  /** Host that Deno assumes for a request without Host. */
  readonly defaultAuthority: string;
}

/** Connection of one request. Deno computes its properties on demand, so they are getters here. */
export class RequestInfo implements ListenerInfo {
  /** Scheme of the connection. An absolute-form target may claim another. */
  readonly scheme: "http" | "https";
  /** Host that Deno assumes for a request without Host. */
  readonly defaultAuthority: string;
  readonly #info: Deno.ServeHandlerInfo<Deno.NetAddr>;

  /** Combines the information of the listener and of Deno. */
  constructor({ scheme, defaultAuthority }: ListenerInfo, info: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    this.scheme = scheme;
    this.defaultAuthority = defaultAuthority;
    this.#info = info;
  }

  /** Address of the peer. */
  get remoteAddr(): Deno.NetAddr {
    return this.#info.remoteAddr;
  }

  /** Settles when the response has been sent, or cannot be sent any more. */
  get completed(): Promise<void> {
    return this.#info.completed;
  }
}
