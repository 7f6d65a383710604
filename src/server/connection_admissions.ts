/** Limits on the connections of the node listener, from their first packet on, TLS handshakes included. */

import type { Socket } from "node:net";
import type { Config } from "../config/config.ts";
import { addressMatcher, clientNetwork, unmapAddress } from "../http/client_address.ts";
import type { ConnectionRefusal } from "../http/outcome_kinds.ts";

/** Decision on a connection. */
export interface Admission {
  /** Limit that refuses it; `undefined`: it is accepted. */
  readonly refusal: ConnectionRefusal | undefined;
  /** Start of a TLS handshake that has not ended, in milliseconds. */
  handshakeSinceMs: number | undefined;
  /** Called when the connection is closed. */
  release(): void;
}

/** Options of {@linkcode ConnectionAdmissions}. */
export interface ConnectionAdmissionsOptions {
  /** True if connections begin with a TLS handshake. */
  readonly isSecure: boolean;
  /** Returns the settings in force. */
  readonly settings: () => Pick<Config, "trustProxy"> & {
    readonly limits: Pick<Config["limits"], "maxConnections" | "maxConnectionsPerClient">;
  };
  /** Called when a limit refused a connection of a client. */
  readonly onRefused: (reason: ConnectionRefusal, client: string) => void;
  /** Reports whether the listener itself may have opened a connection, as a test. No limit refuses such a connection. */
  readonly mayBeTest: (socket: Socket) => boolean;
}

/** Maximum connections above a limit that are open at the same time, to get their refusal. Further ones are closed. */
const MAX_REFUSED = 64;

/** Counts the open connections of a listener, and decides on new ones. */
export class ConnectionAdmissions {
  readonly #options: ConnectionAdmissionsOptions;
  readonly #admitted = new Map<Socket, Admission>();
  /** Open connections, tunnels and handshakes included, without refused ones. */
  #accepted = 0;
  /** Open connections of each client, if their number is limited. */
  readonly #counts = new Map<string, number>();

  /** Starts without connections. */
  constructor(options: ConnectionAdmissionsOptions) {
    this.#options = options;
  }

  /**
   * Decides on a connection when it is opened. Refused ones do not count, so that they cannot keep other clients out.
   * Few of them stay open for their response, so that a flood of them cannot use up the descriptors.
   */
  admit(socket: Socket): Admission {
    const known = this.#admitted.get(socket);
    if (known !== undefined) return known;
    const { isSecure, onRefused, mayBeTest, settings } = this.#options;
    const { maxConnections, maxConnectionsPerClient } = settings().limits;
    const address = unmapAddress(socket.remoteAddress ?? "");
    const client = maxConnectionsPerClient === Infinity ? undefined : this.#limitedClient(address);
    const count = client === undefined ? 0 : this.#counts.get(client) ?? 0;
    const refusal: ConnectionRefusal | undefined = mayBeTest(socket)
      ? undefined
      : this.#accepted >= maxConnections
      ? "max-connections"
      : count >= maxConnectionsPerClient
      ? "max-connections-per-client"
      : undefined;
    const admission: Admission = {
      refusal,
      handshakeSinceMs: isSecure ? performance.now() : undefined,
      release: () => {
        if (!this.#admitted.delete(socket) || refusal !== undefined) return;
        this.#accepted--;
        if (client !== undefined) this.#forget(client);
      },
    };
    if (refusal !== undefined) {
      onRefused(refusal, address);
      if (this.#admitted.size - this.#accepted >= MAX_REFUSED) {
        socket.destroy();
        return admission;
      }
    } else {
      this.#accepted++;
      if (client !== undefined) this.#counts.set(client, count + 1);
    }
    this.#admitted.set(socket, admission);
    socket.on("close", admission.release);
    return admission;
  }

  /** Forgets a connection that does not count, although it is still open. */
  release(socket: Socket): void {
    this.#admitted.get(socket)?.release();
  }

  /** Closes the connections whose TLS handshake takes longer than a time in milliseconds. */
  endHandshakes(nowMs: number, maxMs: number): void {
    for (const [socket, { handshakeSinceMs = Infinity }] of this.#admitted) {
      if (nowMs - handshakeSinceMs <= maxMs) continue;
      this.#options.onRefused("head-timeout", unmapAddress(socket.remoteAddress ?? ""));
      socket.destroy();
    }
  }

  /** Returns the network of a client; `undefined` for a trusted proxy, which has the connections of many clients. */
  #limitedClient(address: string): string | undefined {
    const isTrusted = addressMatcher(this.#options.settings().trustProxy);
    return isTrusted(address) ? undefined : clientNetwork(address, null, () => false);
  }

  #forget(client: string): void {
    const count = this.#counts.get(client)! - 1;
    if (count > 0) this.#counts.set(client, count);
    else this.#counts.delete(client);
  }
}
