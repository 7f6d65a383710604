/** TLS handshakes with a service. A handshake may outlive the request that started it. */

import type { UpstreamTls } from "../../config/config.ts";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { errorWords, UpstreamFailure } from "../transport.ts";
import { connectTlsFailure } from "./connect_failure.ts";
import { closeQuietly, type Socket } from "./buffered_socket.ts";
import { InsecureSocket } from "./insecure_socket.ts";

/** Service of a handshake. */
export interface HandshakePeer {
  /** Host name or IP address. */
  readonly hostname: string;
  /** TCP port. */
  readonly port: number;
  /** Settings of certificate verification; `undefined` for the defaults. */
  readonly tls: UpstreamTls | undefined;
}

interface SecuredSocket extends Socket {
  handshake(): Promise<unknown>;
}

/** Age in milliseconds from which an incomplete handshake counts as hanging. */
const HANGING_MS = 3_000;
/**
 * Consecutive hanging handshakes from which a service gets one handshake at a time. Deno closes a connection only after
 * its handshake, so each one keeps its descriptor until the service reacts.
 */
const MAX_HANGING = 32;

/** A handshake in progress. */
class Handshake {
  /** Secured connection; `undefined` if the handshake failed. Never rejects. */
  readonly completed: Promise<Socket | undefined>;
  /** Resolves when the handshake counts as hanging. Stays pending if the handshake completes before. */
  readonly hanging: Promise<void>;
  /** False if closing keeps the descriptor until the service reacts. */
  readonly isClosable: boolean;
  /** Failure; `undefined` unless the handshake failed. */
  failure: UpstreamFailure | undefined;
  isComplete = false;
  isHanging = false;
  isClosed = false;
  readonly #conn: Deno.Conn | undefined;
  readonly #timer: ReturnType<typeof setTimeout>;
  #secured: SecuredSocket | undefined;

  /** Starts the handshake on a connection; `undefined` opens one. */
  constructor(conn: Deno.Conn | undefined, peer: HandshakePeer) {
    this.#conn = conn;
    this.isClosable = peer.tls?.insecure === true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.hanging = promise;
    this.#timer = setTimeout(() => {
      this.isHanging = true;
      resolve();
    }, HANGING_MS);
    this.completed = this.#run(peer);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.#timer);
    this.#closeSocket();
  }

  #closeSocket(): void {
    const socket = this.#secured ?? this.#conn;
    if (socket !== undefined) closeQuietly(socket);
  }

  async #run(peer: HandshakePeer): Promise<Socket | undefined> {
    try {
      this.#secured = await (this.#conn === undefined ? connectTls(peer) : startTls(this.#conn, peer));
      // The connection belonged to neither socket while TLS was starting, so it could not be closed.
      if (this.isClosed) closeQuietly(this.#secured);
      await this.#secured.handshake();
      return this.#secured;
    } catch (error) {
      this.failure = error instanceof UpstreamFailure ? error : new UpstreamFailure("tls", errorWords(error));
      this.#closeSocket();
      return undefined;
    } finally {
      this.isComplete = true;
      clearTimeout(this.#timer);
    }
  }
}

/**
 * Handshakes with one service. When a request is aborted, the next request continues its handshake. Therefore, clients
 * that disconnect use up neither descriptors nor the limit on hanging handshakes.
 */
export class Handshakes {
  readonly #peer: HandshakePeer;
  /** Handshakes that no request waits for, oldest first. */
  readonly #orphans = new Set<Handshake>();
  /** Hanging handshakes closed since the last handshake that completed. */
  #hanging = 0;
  /** Handshakes that a request waits for. */
  #awaited = 0;

  constructor(peer: HandshakePeer) {
    this.#peer = peer;
  }

  /**
   * Continues the oldest handshake of an aborted request. Returns `undefined` if there is none, or if it hangs.
   *
   * @throws {UpstreamFailure} Of kind `tls` or `aborted`.
   */
  async adopt(signal: CancellationSignal): Promise<Socket | undefined> {
    const [oldest] = this.#orphans;
    if (oldest === undefined) return undefined;
    this.#orphans.delete(oldest);
    const result = await this.#wait(oldest, signal, oldest.hanging);
    if (result === undefined) this.#detach(oldest);
    return result;
  }

  /**
   * Starts a handshake on a new connection.
   *
   * @throws {UpstreamFailure} Of kind `tls` if the handshake fails; `aborted`; `hanging-handshakes` if too many
   * handshakes with the service hang.
   */
  start(conn: Deno.Conn, signal: CancellationSignal): Promise<Socket> {
    return this.#start(conn, signal);
  }

  /**
   * Opens a connection with a client certificate. Deno cannot abort that, so it counts as a part of the handshake.
   *
   * @throws {UpstreamFailure} As for `start`, and of the kinds of connections that cannot be opened.
   */
  connect(signal: CancellationSignal): Promise<Socket> {
    return this.#start(undefined, signal);
  }

  async #start(conn: Deno.Conn | undefined, signal: CancellationSignal): Promise<Socket> {
    if (this.#hanging >= MAX_HANGING && this.#awaited > 0) {
      conn?.close();
      throw new UpstreamFailure("hanging-handshakes");
    }
    const handshake = new Handshake(conn, this.#peer);
    handshake.completed.then((socket) => this.#onComplete(handshake, socket));
    handshake.hanging.then(() => this.#orphans.delete(handshake) && this.#detach(handshake));
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
      const completed = handshake.completed.then((socket) => socket ?? handshake.failure!);
      const result = await Promise.race([aborted.promise, completed, end]);
      if (result === "aborted") {
        this.#detach(handshake);
        throw new UpstreamFailure("aborted");
      }
      if (result instanceof UpstreamFailure) throw result;
      return result ?? undefined;
    } finally {
      this.#awaited--;
      signal.removeEventListener("abort", abort);
    }
  }

  /** Keeps a handshake for the next request, or closes it if it hangs or can be closed at once. */
  #detach(handshake: Handshake): void {
    if (!handshake.isComplete && !handshake.isClosable && !handshake.isHanging) {
      this.#orphans.add(handshake);
      return;
    }
    if (handshake.isHanging && !handshake.isComplete && !handshake.isClosable) this.#hanging++;
    handshake.close();
  }

  #onComplete(handshake: Handshake, socket: Socket | undefined): void {
    // Closing completes a handshake too, which says nothing about the service.
    if (handshake.isClosed) return;
    this.#hanging = 0;
    if (this.#orphans.delete(handshake) && socket !== undefined) closeQuietly(socket);
  }
}

async function startTls(conn: Deno.Conn, { hostname, tls }: HandshakePeer): Promise<SecuredSocket> {
  const name = tls?.serverName ?? hostname;
  if (tls?.insecure) return await InsecureSocket.start(conn, { serverName: name, cert: tls.cert, key: tls.key });
  const secured = await Deno.startTls(conn as Deno.TcpConn, { hostname: name, ...commonOptions(tls) });
  secured.unref();
  return secured;
}

async function connectTls({ hostname, port, tls }: HandshakePeer): Promise<SecuredSocket> {
  try {
    const certificate = { cert: tls?.cert ?? "", key: tls?.key ?? "" };
    const secured = await Deno.connectTls({ hostname, port, ...certificate, ...commonOptions(tls) });
    secured.unref();
    return secured;
  } catch (error) {
    throw connectTlsFailure(error);
  }
}

function commonOptions(tls: UpstreamTls | undefined): Pick<Deno.ConnectTlsOptions, "caCerts" | "alpnProtocols"> {
  return { caCerts: tls?.ca === undefined ? [] : [tls.ca], alpnProtocols: ["http/1.1"] };
}
