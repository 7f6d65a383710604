/** Connecting to a service: TCP, then TLS for `https`. */

import type { UpstreamTls } from "../../config/config.ts";
import type { FailureKind } from "../../http/outcome_kinds.ts";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { errorWords, type TransportRequest, UpstreamFailure } from "../transport.ts";
import type { Socket } from "./buffered_socket.ts";
import { Handshakes } from "./handshake.ts";

/** Address of a service. */
export interface Endpoint {
  /** Host name or IP address. */
  readonly hostname: string;
  /** TCP port. */
  readonly port: number;
  /** Use TLS. */
  readonly secure: boolean;
  /** Settings of certificate verification; `undefined` for the defaults. */
  readonly tls: UpstreamTls | undefined;
}

/** Returns the address of a request's service, and its authority for the Host field. */
export function endpointOf(
  { origin, tls }: Pick<TransportRequest, "origin" | "tls">,
): Endpoint & { readonly authority: string } {
  const { protocol, hostname, port, host: authority } = new URL(origin);
  const secure = protocol === "https:";
  return {
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port) || (secure ? 443 : 80),
    secure,
    tls,
    authority,
  };
}

/** Failure kinds by the code of the runtime's error. */
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

/** Connects to one service. */
export class Dialer {
  readonly #endpoint: Endpoint;
  readonly #handshakes: Handshakes | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#handshakes = endpoint.secure ? new Handshakes(endpoint) : undefined;
  }

  /**
   * Returns a new connection, or continues one that an aborted request has started.
   *
   * @throws {UpstreamFailure} If the service cannot be reached, the handshake fails, or `signal` aborts.
   */
  async dial(signal: CancellationSignal): Promise<Socket> {
    if (this.#handshakes === undefined) return await connect(this.#endpoint, signal);
    const adopted = await this.#handshakes.adopt(signal);
    return adopted ?? await this.#handshakes.start(await connect(this.#endpoint, signal), signal);
  }
}

async function connect({ hostname, port }: Endpoint, signal: CancellationSignal): Promise<Deno.TcpConn> {
  if (signal.aborted) throw new UpstreamFailure("aborted");
  const controller = silentController();
  const abort = () => controller.abort();
  signal.addEventListener("abort", abort);
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname, port, signal: controller.signal });
  } catch (error) {
    if (signal.aborted) throw new UpstreamFailure("aborted");
    throw new UpstreamFailure(connectFailure(error), errorWords(error));
  } finally {
    signal.removeEventListener("abort", abort);
  }
  if (signal.aborted) {
    conn.close();
    throw new UpstreamFailure("aborted");
  }
  conn.setNoDelay(true);
  // An idle connection must not keep the process alive. An exchange has a timeout, which does.
  conn.unref();
  return conn;
}

/**
 * Returns a controller whose signal does not throw. Deno checks the signal again after connecting. If it threw then,
 * the connection would leak, because no code would have a reference to close it.
 */
function silentController(): AbortController {
  const controller = new AbortController();
  Object.defineProperty(controller.signal, "throwIfAborted", { value: ignoreAbort });
  return controller;
}

function ignoreAbort(): void {}

/** Returns the kind of a failed connection attempt. */
export function connectFailure(error: unknown): FailureKind {
  if (!(error instanceof Error)) return "reset";
  const { code } = error as { code?: string };
  const kind = CONNECT_FAILURES[code ?? ""];
  if (kind !== undefined) return kind;
  if (error.name === "ConnectionRefused" || error.name === "NotCapable") return "refused";
  if (error.name === "TimedOut") return "timeout";
  return /lookup|dns|resolve/i.test(error.message) ? "dns" : "refused";
}
