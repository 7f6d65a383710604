/** Information about the connection of a request. */

import { UNIX_PEER } from "../lib/unix_socket.ts";

/** Information that is the same for all connections of a listener. */
export interface ListenerInfo {
  /** Scheme of the listener. */
  readonly scheme: "http" | "https";
  /** Host that Deno assumes for a request without Host. */
  readonly defaultAuthority: string;
  /** True for a Unix socket, whose peers have no addresses. */
  readonly isUnix: boolean;
  /** True after the listener was closed. Deno then ends request bodies that are still arriving. */
  isListenerClosed: boolean;
}

const UNIX_ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: UNIX_PEER, port: 0 };

/** Connection of one request. Deno computes its properties on demand, so they are getters here. */
export class RequestInfo implements Omit<Readonly<ListenerInfo>, "isUnix"> {
  /** Scheme of the connection. An absolute-form target may claim another. */
  readonly scheme: "http" | "https";
  /** Host that Deno assumes for a request without Host. */
  readonly defaultAuthority: string;
  readonly #listener: Readonly<ListenerInfo>;
  readonly #info: Deno.ServeHandlerInfo<Deno.NetAddr>;

  /** Combines the information of the listener and of Deno. */
  constructor(listener: Readonly<ListenerInfo>, info: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    this.scheme = listener.scheme;
    this.defaultAuthority = listener.defaultAuthority;
    this.#listener = listener;
    this.#info = info;
  }

  /** Address of the peer. Its host is `unix` on a Unix socket. */
  get remoteAddr(): Deno.NetAddr {
    return this.#listener.isUnix ? UNIX_ADDRESS : this.#info.remoteAddr;
  }

  /** Settles when the response has been sent, or cannot be sent any more. */
  get completed(): Promise<void> {
    return this.#info.completed;
  }

  /** True after the listener was closed. */
  get isListenerClosed(): boolean {
    return this.#listener.isListenerClosed;
  }
}
