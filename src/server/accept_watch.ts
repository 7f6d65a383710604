/** Detects that a listener of `node:net` accepts no more connections. */

import type { Socket } from "node:net";
import { formatAddress } from "./listen_error.ts";
import type { ListenerAddress } from "./listener.ts";

/** Options of {@linkcode AcceptWatch}. */
export interface AcceptWatchOptions {
  readonly address: ListenerAddress;
  /** Opens a connection. */
  readonly connect: (port: number, hostname: string) => Socket;
  /** True if other listeners share the port, so that a connection may reach another one. */
  readonly isShared: boolean;
  /** Called with an accepted connection of the watch, which is not a client. */
  readonly onTest: (socket: Socket) => void;
  /** Called once, when the listener accepts nothing. */
  readonly onStopped: () => void;
}

/** Time without a new connection after which the listener is tested, in milliseconds. */
const QUIET_MS = 2_000;

/** A connection of the watch to its listener. */
interface Test {
  /** Its local port. `undefined` until it is connected, which may be after the listener has accepted it. */
  port: number | undefined;
  /** Connections that may be this one, with their remote ports. */
  readonly candidates: Map<number | undefined, Socket>;
}

/**
 * Deno's listener stops without an error if a connection arrives while the process has no free descriptor (2.9.6). The
 * watch therefore connects to a listener without new connections. On a shared port, it reports a listener after each
 * lack of descriptors that it has seen.
 */
export class AcceptWatch {
  readonly #options: AcceptWatchOptions;
  #quietSinceMs = performance.now();
  /** The test that the listener has not accepted. */
  #test: Test | undefined;
  #wasShort = false;
  #hasStopped = false;

  /** Starts to watch an open listener. */
  constructor(options: AcceptWatchOptions) {
    this.#options = options;
  }

  /** Called when a connection was accepted. Reports whether it may be a test, which no limit applies to. */
  accepted(socket: Socket): boolean {
    this.#quietSinceMs = performance.now();
    const test = this.#test;
    if (test === undefined || socket.remoteAddress !== socket.localAddress) return false;
    const { remotePort } = socket;
    test.candidates.set(remotePort, socket);
    if (test.port === undefined) return true;
    // After the listener has recorded the connection.
    queueMicrotask(() => this.#identify(test));
    return test.port === remotePort;
  }

  /** Tests the listener if it is due. */
  check(nowMs: number): void {
    if (this.#hasStopped || nowMs - this.#quietSinceMs < QUIET_MS) return;
    if (this.#test?.port !== undefined) return this.#stop();
    this.#quietSinceMs = nowMs;
    if (this.#options.isShared) this.#checkDescriptors();
    else this.#connect();
  }

  #connect(): void {
    const { address: { port, hostname }, connect } = this.#options;
    const test: Test = this.#test = { port: undefined, candidates: new Map() };
    const socket = connect(port, hostname);
    socket.on("error", () => {
      if (this.#test === test) this.#test = undefined;
    });
    socket.on("connect", () => {
      test.port = socket.localPort;
      socket.destroy();
      this.#identify(test);
    });
  }

  #identify(test: Test): void {
    const accepted = test.candidates.get(test.port);
    test.candidates.clear();
    if (accepted === undefined) return;
    if (this.#test === test) this.#test = undefined;
    this.#options.onTest(accepted);
  }

  /**
   * Detects a lack of descriptors without a test of the shared port: another listener would count that as a client.
   * Port 0 refuses every connection, but a lack of descriptors fails earlier.
   */
  #checkDescriptors(): void {
    const { address, connect } = this.#options;
    const { hostname } = address;
    // Without the permission, Deno would prompt or throw.
    const isGranted =
      Deno.permissions.querySync({ name: "net", host: formatAddress({ hostname, port: 0 }) }).state === "granted";
    const socket = connect(isGranted ? 0 : address.port, hostname);
    const onFree = () => {
      socket.destroy();
      if (this.#wasShort) this.#stop();
    };
    socket.on("connect", onFree);
    socket.on("error", ({ code }: Error & { readonly code?: string }) => {
      if (code === "EMFILE" || code === "ENFILE") this.#wasShort = true;
      else onFree();
    });
  }

  #stop(): void {
    if (this.#hasStopped) return;
    this.#hasStopped = true;
    this.#options.onStopped();
  }
}
