/** Detects that a listener of `node:net` accepts no more connections. */

import type { Socket } from "node:net";
import type { ListenerAddress } from "./listener.ts";

/** Options of {@linkcode AcceptWatch}. */
export interface AcceptWatchOptions {
  readonly address: ListenerAddress;
  /** Opens a connection. */
  readonly connect: (port: number, hostname: string) => Socket;
  /** True if other listeners share the port, so that a connection may reach another one. */
  readonly isShared: boolean;
  /** Called once, when the listener accepts nothing. */
  readonly onStopped: () => void;
}

/** Time without a new connection after which the listener is tested, in milliseconds. */
const QUIET_MS = 2_000;

/**
 * Deno's listener stops without an error if a connection arrives while the process has no free descriptor (2.9.6). The
 * watch therefore connects to a listener without new connections. On a shared port, it reports a listener after each
 * lack of descriptors that it has seen.
 */
export class AcceptWatch {
  readonly #options: AcceptWatchOptions;
  #quietSinceMs = performance.now();
  #isTesting = false;
  #wasShort = false;
  #hasStopped = false;

  /** Starts to watch an open listener. */
  constructor(options: AcceptWatchOptions) {
    this.#options = options;
  }

  /** Called when a connection was accepted. */
  accepted(): void {
    this.#quietSinceMs = performance.now();
    this.#isTesting = false;
  }

  /** Tests the listener if it is due. */
  check(nowMs: number): void {
    if (this.#hasStopped || nowMs - this.#quietSinceMs < QUIET_MS) return;
    if (this.#isTesting && !this.#options.isShared) return this.#stop();
    this.#quietSinceMs = nowMs;
    const { address: { port, hostname }, connect } = this.#options;
    const socket = connect(port, hostname);
    socket.on("error", (error: Error & { readonly code?: string }) => {
      if (error.code === "EMFILE" || error.code === "ENFILE") this.#wasShort = true;
    });
    socket.on("connect", () => {
      socket.destroy();
      if (this.#wasShort && this.#options.isShared) return this.#stop();
      // Without an error, it counts as accepted only when the listener reports it.
      if (this.#quietSinceMs === nowMs) this.#isTesting = true;
    });
  }

  #stop(): void {
    if (this.#hasStopped) return;
    this.#hasStopped = true;
    this.#options.onStopped();
  }
}
