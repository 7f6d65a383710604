/** TLS handshakes with a backend, including those that outlive the request that started them. */

import type { CancellationSignal } from "../../lib/cancellation.ts";
import type { UpstreamTls } from "../../config/config.ts";
import { UpstreamFailure } from "../upstream_failure.ts";
import { InsecureSocket } from "./insecure_socket.ts";
import { closeQuietly, type Socket } from "./socket.ts";

/** Backend of a handshake. */
export interface HandshakePeer {
  /** A name or an address. */
  readonly hostname: string;
  /** Settings for its certificate. */
  readonly tls: UpstreamTls | undefined;
}

interface SecuredSocket extends Socket {
  handshake(): Promise<unknown>;
}

/** Age in milliseconds from which an unanswered handshake counts as hanging. */
const HANGING_MS = 3_000;
/**
 * Hanging handshakes in a row from which a backend gets one handshake at a time. Deno closes a connection only after
 * its handshake, so each one keeps its descriptor until the backend answers.
 */
const MAX_HANGING = 32;

/** A handshake in progress. */
class Handshake {
  /** The connection to use; `undefined` if the handshake failed. Never rejects. */
  readonly answered: Promise<Socket | undefined>;
  /** Resolves when the handshake counts as hanging; stays pending if it is answered before. */
  readonly hanging: Promise<void>;
  /** `false` if closing keeps the descriptor until the backend answers. */
  readonly isClosable: boolean;
  isAnswered = false;
  isHanging = false;
  isClosed = false;
  readonly #conn: Deno.TcpConn;
  readonly #timer: ReturnType<typeof setTimeout>;
  #secured: SecuredSocket | undefined;

  constructor(conn: Deno.TcpConn, peer: HandshakePeer) {
    this.#conn = conn;
    this.isClosable = peer.tls?.insecure === true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.hanging = promise;
    this.#timer = setTimeout(() => {
      this.isHanging = true;
      resolve();
    }, HANGING_MS);
    this.answered = this.#run(peer);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.#timer);
    closeQuietly(this.#secured ?? this.#conn);
  }

  async #run(peer: HandshakePeer): Promise<Socket | undefined> {
    try {
      this.#secured = await startTls(this.#conn, peer);
      // The connection belonged to neither socket while TLS was starting, so it could not be closed.
      if (this.isClosed) closeQuietly(this.#secured);
      await this.#secured.handshake();
      return this.#secured;
    } catch {
      closeQuietly(this.#secured ?? this.#conn);
      return undefined;
    } finally {
      this.isAnswered = true;
      clearTimeout(this.#timer);
    }
  }
}

/**
 * Handshakes with one backend. When a request is aborted, the next request continues its handshake: clients that leave
 * use up neither descriptors nor the limit on hanging handshakes.
 */
export class Handshakes {
  readonly #peer: HandshakePeer;
  /** Handshakes that no request waits for, oldest first. */
  readonly #orphans = new Set<Handshake>();
  /** Hanging handshakes that were closed since the last answer. */
  #hanging = 0;
  /** Handshakes that a request waits for. */
  #awaited = 0;

  constructor(peer: HandshakePeer) {
    this.#peer = peer;
  }

  /**
   * Continues the oldest handshake of an aborted request.
   *
   * @returns The connection; `undefined` if there is no such handshake, or if it hangs.
   * @throws {UpstreamFailure} Of kind `tls` or `aborted`.
   */
  async adopt(signal: CancellationSignal): Promise<Socket | undefined> {
    const [oldest] = this.#orphans;
    if (oldest === undefined) return undefined;
    this.#orphans.delete(oldest);
    const result = await this.#wait(oldest, signal, oldest.hanging);
    if (result === undefined) this.#abandon(oldest);
    return result;
  }

  /**
   * Shakes hands over a new connection.
   *
   * @throws {UpstreamFailure} Of kind `tls` if the handshake fails; `aborted`; `hanging-handshakes` if the backend has left too
   * many handshakes unanswered.
   */
  async start(conn: Deno.TcpConn, signal: CancellationSignal): Promise<Socket> {
    if (this.#hanging >= MAX_HANGING && this.#awaited > 0) {
      conn.close();
      throw new UpstreamFailure("hanging-handshakes");
    }
    const handshake = new Handshake(conn, this.#peer);
    handshake.answered.then((socket) => this.#onAnswered(handshake, socket));
    handshake.hanging.then(() => this.#orphans.delete(handshake) && this.#abandon(handshake));
    return (await this.#wait(handshake, signal))!;
  }

  async #wait(
    handshake: Handshake,
    signal: CancellationSignal,
    end: Promise<void> = new Promise(() => {}),
  ): Promise<Socket | undefined> {
    const aborted = Promise.withResolvers<"aborted">();
    const abort = () => aborted.resolve("aborted");
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    this.#awaited++;
    try {
      const answered = handshake.answered.then((socket) => socket ?? "tls");
      const result = await Promise.race([aborted.promise, answered, end]);
      if (result === "aborted") this.#abandon(handshake);
      if (typeof result === "string") throw new UpstreamFailure(result);
      return result ?? undefined;
    } finally {
      this.#awaited--;
      signal.removeEventListener("abort", abort);
    }
  }

  /** Keeps a handshake for the next request, unless it hangs or can be closed at once. */
  #abandon(handshake: Handshake): void {
    if (!handshake.isAnswered && !handshake.isClosable && !handshake.isHanging) {
      this.#orphans.add(handshake);
      return;
    }
    if (handshake.isHanging && !handshake.isAnswered && !handshake.isClosable) this.#hanging++;
    handshake.close();
  }

  #onAnswered(handshake: Handshake, socket: Socket | undefined): void {
    // Closing ends a handshake too, without an answer.
    if (handshake.isClosed) return;
    this.#hanging = 0;
    if (this.#orphans.delete(handshake) && socket !== undefined) closeQuietly(socket);
  }
}

async function startTls(conn: Deno.TcpConn, { hostname, tls }: HandshakePeer): Promise<SecuredSocket> {
  const name = tls?.serverName ?? hostname;
  if (tls?.insecure) return await InsecureSocket.start(conn, name);
  const secured = await Deno.startTls(conn, {
    hostname: name,
    caCerts: tls?.ca === undefined ? [] : [tls.ca],
    alpnProtocols: ["http/1.1"],
  });
  secured.unref();
  return secured;
}
