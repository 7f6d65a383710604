/** From a backend's address to a connection that bytes can be exchanged over. */

import type { FailureKind } from "../../exchange/attempt.ts";
import type { UpstreamTls } from "../../config/config.ts";
import { UpstreamFailure } from "../../exchange/upstream_failure.ts";

/** Of a connection, what is used: `Deno.Conn` has it all. */
export interface Socket {
  /** Reads what is there, at most the buffer full; `null` at the end. Rejects once closed. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, and says how many. Rejects once closed. */
  write(bytes: Uint8Array): Promise<number>;
  /** Gives the descriptor back; what is pending rejects. */
  close(): void;
}

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
  EMFILE: "overloaded",
  ENFILE: "overloaded",
  EADDRNOTAVAIL: "overloaded",
  ENOBUFS: "overloaded",
};

/**
 * Connects to a backend, and shakes hands where TLS is spoken.
 *
 * @param endpoint The backend.
 * @param signal Gives it up.
 * @returns The connection.
 * @throws {UpstreamFailure} Of the kind that tells how it failed.
 */
export async function dial(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  const { hostname, port, secure } = endpoint;
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname, port, signal });
  } catch (error) {
    throw new UpstreamFailure(signal.aborted ? "aborted" : connectFailure(error));
  }
  conn.setNoDelay(true);
  // What is idle must not keep the process alive; what is in flight has a time-out, and that does.
  conn.unref();
  return secure ? await shakeHands(conn, endpoint, signal) : conn;
}

/** Only the handshake itself tells a certificate that can not be verified from other failures. */
async function shakeHands(conn: Deno.TcpConn, { hostname, tls }: Endpoint, signal: AbortSignal): Promise<Socket> {
  let secured: Deno.TlsConn | undefined;
  const onAbort = () => closeQuietly(secured ?? conn);
  signal.addEventListener("abort", onAbort);
  try {
    if (signal.aborted) throw new UpstreamFailure("aborted");
    secured = await Deno.startTls(conn, {
      hostname: tls?.serverName ?? hostname,
      caCerts: tls?.ca === undefined ? [] : [tls.ca],
      alpnProtocols: ["http/1.1"],
    });
    secured.unref();
    await secured.handshake();
    return secured;
  } catch {
    closeQuietly(secured ?? conn);
    throw new UpstreamFailure(signal.aborted ? "aborted" : "tls");
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Of two ways to close, the second finds nothing. */
export function closeQuietly(socket: { close(): void }): void {
  try {
    socket.close();
  } catch {
    // It has been closed before.
  }
}

function connectFailure(error: unknown): FailureKind {
  if (!(error instanceof Error)) return "reset";
  const { code } = error as { code?: string };
  const kind = CONNECT_FAILURES[code ?? ""];
  if (kind !== undefined) return kind;
  if (error.name === "ConnectionRefused" || error instanceof Deno.errors.NotCapable) return "refused";
  if (error.name === "TimedOut") return "timeout";
  return /lookup|dns|resolve/i.test(error.message) ? "dns" : "refused";
}
