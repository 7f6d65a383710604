/** Interface of listeners: the parts that a server needs to replace and close one without losing requests. */

import type { ListenerKind } from "../config/listener_kind.ts";
import type { ServerTls } from "../config/config.ts";

/** Address, certificate and implementation of a listener. */
export interface ListenerOptions {
  /** Address to listen on, or `unix:` and the path of a Unix socket. */
  readonly hostname: string;
  /**
   * Permissions of a Unix socket.
   *
   * @default Those of the system for new files.
   */
  readonly socketMode?: number | undefined;
  /**
   * Text to print instead of `hostname`.
   *
   * @default `hostname`
   */
  readonly shownHostname?: string | undefined;
  /** Certificate. Absent: plain HTTP. */
  readonly tls?: ServerTls | undefined;
  /**
   * Implementation of the listener.
   *
   * @default "deno"
   */
  readonly kind?: ListenerKind;
}

/** Address of an open listener; for a Unix socket, `unix:` and its path, and port 0. */
export interface ListenerAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Options of {@linkcode Listener.close}. */
export interface CloseOptions {
  /** Maximum wait for request bodies, in milliseconds. */
  readonly uploadTimeoutMs: number;
  /** Called when the listener is closed. Responses that are ready may wait for its end. */
  readonly onClosed: () => Promise<void>;
}

/** An open listener. */
export interface Listener {
  readonly addr: ListenerAddress;
  /** Settles when the listener is closed and has sent every response, or has failed. */
  readonly finished: Promise<void>;
  /** Closes the listener. Resolves when it has been closed; responses in flight may still be sent. */
  close(options: CloseOptions): Promise<void>;
  /** Closes the listener at once, for one that has no clients yet. */
  closeUnused(): Promise<void>;
}

/** Opens a listener on a port. Throws the error of the system. */
export type OpenListener = (port: number, options: ListenerOptions) => Listener | Promise<Listener>;
