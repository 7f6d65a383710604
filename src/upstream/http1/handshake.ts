/** From a connection to one that TLS is spoken over. */

import type { CancellationSignal } from "../../exchange/cancellation.ts";
import type { UpstreamTls } from "../../config/config.ts";
import { UpstreamFailure } from "../../exchange/upstream_failure.ts";
import { InsecureSocket } from "./insecure_socket.ts";
import { closeQuietly, type Socket } from "./socket.ts";

/** With whom hands are shaken. */
export interface HandshakePeer {
  /** A name or an address. */
  readonly hostname: string;
  /** What is said about its certificate. */
  readonly tls: UpstreamTls | undefined;
}

interface SecuredSocket extends Socket {
  handshake(): Promise<unknown>;
}

/** How it went with a backend since a handshake was last answered. */
interface PeerRecord {
  abandoned: number;
  running: number;
}

/**
 * A handshake that is given up keeps its descriptor until the backend moves: Deno closes in good order, which means
 * after it. So this many in a row show that a backend hangs, and from then on one at a time tries whether it still does.
 */
const MAX_ABANDONED = 32;

const records = new WeakMap<HandshakePeer, PeerRecord>();

/**
 * Shakes hands. Only the handshake itself tells a certificate that can not be verified from other failures.
 *
 * @param conn The connection; it is closed where this fails.
 * @param peer The backend.
 * @param signal Gives it up.
 * @returns The connection to go on with.
 * @throws {UpstreamFailure} Of kind `tls`; `aborted` where it was given up; `overloaded` where the backend has left too
 * many handshakes unanswered.
 */
export async function shakeHands(conn: Deno.TcpConn, peer: HandshakePeer, signal: CancellationSignal): Promise<Socket> {
  const record = recordOf(peer);
  if (record.abandoned >= MAX_ABANDONED && record.running > 0) {
    conn.close();
    throw new UpstreamFailure("overloaded");
  }
  record.running++;
  let secured: SecuredSocket | undefined;
  const close = () => closeQuietly(secured ?? conn);
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted) throw new UpstreamFailure("aborted");
    secured = await startTls(conn, peer);
    // While it was being made, there was nothing to close.
    if (signal.aborted) throw new UpstreamFailure("aborted");
    await secured.handshake();
    record.abandoned = 0;
    return secured;
  } catch {
    close();
    record.abandoned = signal.aborted ? record.abandoned + 1 : 0;
    throw new UpstreamFailure(signal.aborted ? "aborted" : "tls");
  } finally {
    record.running--;
    signal.removeEventListener("abort", close);
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

function recordOf(peer: HandshakePeer): PeerRecord {
  let record = records.get(peer);
  if (record === undefined) records.set(peer, record = { abandoned: 0, running: 0 });
  return record;
}
