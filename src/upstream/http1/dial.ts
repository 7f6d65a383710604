/** Connecting to a service: TCP, then TLS for `https`, or a Unix socket. */

import type { UpstreamTls } from "../../config/config.ts";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { LOCAL_ORIGIN, socketPath } from "../../lib/unix_socket.ts";
import { type TransportRequest, UpstreamFailure } from "../transport.ts";
import type { Socket } from "./buffered_socket.ts";
import { connectFailure } from "./connect_failure.ts";
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
  /** Path of a Unix socket, which is used instead of host and port; `undefined`: none. */
  readonly path?: string | undefined;
}

/** Returns the address of a request's service, and its authority for the Host field. */
export function endpointOf(
  { origin, tls }: Pick<TransportRequest, "origin" | "tls">,
): Endpoint & { readonly authority: string } {
  const path = socketPath(origin);
  const { protocol, hostname, port, host: authority } = new URL(path === undefined ? origin : LOCAL_ORIGIN);
  const secure = protocol === "https:";
  return {
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port) || (secure ? 443 : 80),
    secure,
    tls,
    authority,
    path,
  };
}

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
    if (adopted !== undefined) return adopted;
    // `Deno.startTls` has no client certificates.
    if (hasClientCertificate(this.#endpoint)) return await this.#handshakes.connect(signal);
    return await this.#handshakes.start(await connect(this.#endpoint, signal), signal);
  }
}

function hasClientCertificate({ tls }: Endpoint): boolean {
  return tls?.cert !== undefined && !tls.insecure;
}

async function connect({ hostname, port, path }: Endpoint, signal: CancellationSignal): Promise<Deno.Conn> {
  if (signal.aborted) throw new UpstreamFailure("aborted");
  const controller = silentController();
  const abort = () => controller.abort();
  signal.addEventListener("abort", abort);
  let conn: Deno.TcpConn | Deno.UnixConn;
  try {
    conn = path === undefined
      ? await Deno.connect({ hostname, port, signal: controller.signal })
      : await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (signal.aborted) throw new UpstreamFailure("aborted");
    throw connectFailure(error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
  if (signal.aborted) {
    conn.close();
    throw new UpstreamFailure("aborted");
  }
  if ("setNoDelay" in conn) conn.setNoDelay(true);
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
