/** From a backend's address to a connection that bytes can be exchanged over. */

import type { FailureKind } from "../../http/outcome_kinds.ts";
import type { UpstreamTls } from "../../config/config.ts";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { UpstreamFailure } from "../upstream_failure.ts";
import { Handshakes } from "./handshake.ts";
import type { Socket } from "./socket.ts";

/** Where a backend is, and how it proves its name. */
export interface Endpoint {
  /** A name or an address. */
  readonly hostname: string;
  /** The TCP port. */
  readonly port: number;
  /** Whether TLS is spoken. */
  readonly secure: boolean;
  /** What is said about its certificate. */
  readonly tls: UpstreamTls | undefined;
}

/** What the runtime's errors mean, by their names. */
const CONNECT_FAILURES: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: "refused",
  ENETUNREACH: "refused",
  EHOSTUNREACH: "refused",
  ECONNRESET: "reset",
  ETIMEDOUT: "timeout",
  EMFILE: "no-descriptors",
  ENFILE: "no-descriptors",
  EADDRNOTAVAIL: "no-ports",
  ENOBUFS: "no-descriptors",
};

/** Connects to one backend, with TLS if the endpoint is secure. */
export class Dialer {
  readonly #endpoint: Endpoint;
  readonly #handshakes: Handshakes | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#handshakes = endpoint.secure ? new Handshakes(endpoint) : undefined;
  }

  /**
   * Makes a connection, or continues one that an aborted request has started.
   *
   * @param signal Aborts the attempt.
   * @throws {UpstreamFailure} If the backend cannot be reached, or the handshake fails.
   */
  async dial(signal: CancellationSignal): Promise<Socket> {
    if (this.#handshakes === undefined) return await connect(this.#endpoint, signal);
    const adopted = await this.#handshakes.adopt(signal);
    return adopted ?? await this.#handshakes.start(await connect(this.#endpoint, signal), signal);
  }
}

async function connect({ hostname, port }: Endpoint, signal: CancellationSignal): Promise<Deno.TcpConn> {
  if (signal.aborted) throw new UpstreamFailure("aborted");
  const cancelling = cancellation();
  const cancel = () => cancelling.abort();
  signal.addEventListener("abort", cancel);
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname, port, signal: cancelling.signal });
  } catch (error) {
    throw new UpstreamFailure(signal.aborted ? "aborted" : connectFailure(error));
  } finally {
    signal.removeEventListener("abort", cancel);
  }
  if (signal.aborted) {
    conn.close();
    throw new UpstreamFailure("aborted");
  }
  conn.setNoDelay(true);
  // What is idle must not keep the process alive; what is in flight has a time-out, and that does.
  conn.unref();
  return conn;
}

/**
 * When a connection has been made, Deno asks its signal once more, and where that has just aborted, throws: nobody could
 * close the connection any more. So it is given a signal that does not throw.
 */
function cancellation(): AbortController {
  const controller = new AbortController();
  Object.defineProperty(controller.signal, "throwIfAborted", { value: ignoreAbort });
  return controller;
}

function ignoreAbort(): void {}

function connectFailure(error: unknown): FailureKind {
  if (!(error instanceof Error)) return "reset";
  const { code } = error as { code?: string };
  const kind = CONNECT_FAILURES[code ?? ""];
  if (kind !== undefined) return kind;
  if (error.name === "ConnectionRefused" || error instanceof Deno.errors.NotCapable) return "refused";
  if (error.name === "TimedOut") return "timeout";
  return /lookup|dns|resolve/i.test(error.message) ? "dns" : "refused";
}
