/** Connections to services in runtimes without `Deno.connect`. Only upgrades need them: `fetch` has no tunnels. */

import type { Socket as NetSocket } from "node:net";
import type { CancellationSignal } from "../../lib/cancellation.ts";
import { errorWords, UpstreamFailure } from "../transport.ts";
import type { Socket } from "./buffered_socket.ts";
import { connectFailure } from "./connect_failure.ts";
import type { Endpoint } from "./dial.ts";

/** A connection of `node:net` or `node:tls`. */
export class NodeSocket implements Socket {
  readonly #socket: NetSocket;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** Takes over a connected socket. */
  constructor(socket: NetSocket) {
    this.#socket = socket;
    const wake = () => this.#wake?.();
    socket.on("readable", wake).on("end", wake).on("close", wake);
    socket.on("error", (error) => {
      this.#failure = error;
      wake();
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const socket = this.#socket;
    for (;;) {
      const count = Math.min(buffer.length, socket.readableLength);
      // A read without a size makes an empty stream read on, or emit `end`.
      const chunk = socket.read(count === 0 ? undefined : count) as Uint8Array | null;
      if (chunk !== null) {
        // Without a size, the stream returns everything that it has.
        if (chunk.length > buffer.length) socket.unshift(chunk.subarray(buffer.length));
        buffer.set(chunk.subarray(0, buffer.length));
        return Math.min(chunk.length, buffer.length);
      }
      if (socket.readableEnded) return null;
      if (this.#failure !== undefined || socket.destroyed) throw this.#failure ?? new UpstreamFailure("reset");
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  close(): void {
    this.#socket.destroy();
  }
}

/**
 * Connects to a service.
 *
 * @throws {UpstreamFailure} If the service cannot be reached, the handshake fails, or `signal` aborts.
 */
export async function dialOverNode(
  { hostname: host, port, path, secure, tls }: Endpoint,
  signal: CancellationSignal,
): Promise<Socket> {
  const [net, { connect: connectTls }] = await Promise.all([import("node:net"), import("node:tls")]);
  if (signal.aborted) throw new UpstreamFailure("aborted");
  const { ca, serverName = host, insecure = false, cert, key } = tls ?? {};
  const isAddress = net.isIP(serverName) !== 0;
  const socket: NetSocket = secure
    ? connectTls({
      host,
      port,
      rejectUnauthorized: !insecure,
      ALPNProtocols: ["http/1.1"],
      ...(ca !== undefined && { ca: [...(await defaultAuthorities()), ca] }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      // An IP address is not sent (RFC 6066 §3).
      ...(!isAddress && { servername: serverName }),
    })
    : net.connect(path === undefined ? { host, port } : { path });
  // The service may end its side first.
  socket.allowHalfOpen = true;
  let isReached = false;
  const onAbort = () => socket.destroy();
  signal.addEventListener("abort", onAbort);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => isReached = true);
      socket.once(secure ? "secureConnect" : "connect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new UpstreamFailure("reset")));
    });
  } catch (error) {
    if (signal.aborted) throw new UpstreamFailure("aborted");
    throw isReached && secure ? new UpstreamFailure("tls", errorWords(error)) : connectFailure(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  socket.setNoDelay(true);
  return new NodeSocket(socket);
}

/** Returns the runtime's authorities. `ca` is added to them, because a list replaces them. */
async function defaultAuthorities(): Promise<readonly string[]> {
  return (await import("node:tls")).rootCertificates ?? [];
}
