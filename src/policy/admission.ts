/** Limits the exchanges in flight: of all clients, of each client, and with an upload. */

import type { Limits } from "../config/config.ts";
import { FairPermits, type Grant } from "../lib/fair_permits.ts";
import { clientNetwork } from "../http/client_address.ts";
import type { ClientRequest } from "../http/client_request.ts";
import { getHeader } from "../http/headers.ts";
import { REFUSAL_REASONS, type RefusalReason } from "../http/outcome_kinds.ts";
import type { LocalReply } from "../http/client_response.ts";
import type { AddressMatcher } from "../http/client_address.ts";

/** An admitted exchange, or the problem to respond with. */
export type Admitted =
  | { readonly admission: AdmittedExchange; readonly problem?: never }
  | { readonly admission?: never; readonly problem: LocalReply };

/** Most exchanges last less than a second. An earlier retry would only add load. */
const RETRY_AFTER = [["retry-after", "1"]] as const;

const REFUSED = {
  requests: {
    "full": busy("max-in-flight", "Too many requests are in flight"),
    "key-full": busy("max-in-flight-per-client", "Too many requests of this client are in flight"),
  },
  uploads: {
    "full": busy("max-uploads", "Too many uploads are in flight"),
    "key-full": busy("max-uploads-per-client", "Too many uploads of this client are in flight"),
  },
  tunnels: {
    "full": busy("max-tunnels", "Too many upgraded connections are open"),
    "key-full": busy("max-tunnels-per-client", "Too many upgraded connections of this client are open"),
  },
};

/** Options of {@linkcode Admission.admit}. */
export interface AdmissionOptions {
  /** Configured limits. */
  readonly limits: Limits;
  /** Reports whether the forwarding fields of a peer are trusted. */
  readonly isTrusted: AddressMatcher;
  /** True if the request may have a body. */
  readonly hasBody: boolean;
  /** True if the connection may be upgraded. */
  readonly isUpgrade: boolean;
}

/** Exchanges in flight of one running conductor, across reloads. */
export class Admission {
  readonly #requests = new FairPermits();
  readonly #uploads = new FairPermits();
  readonly #tunnels = new FairPermits();

  /** Number of request bodies that are still arriving. */
  get uploadsInFlight(): number {
    return this.#uploads.taken;
  }

  /**
   * Admits a request if there are permits for it, and for its upload or its tunnel. A client without an address has no
   * limit of its own.
   */
  admit(request: ClientRequest, { limits, isTrusted, hasBody, isUpgrade }: AdmissionOptions): Admitted {
    const { maxInFlight, maxInFlightPerClient: maxPerKey, maxUploads, maxTunnels } = limits;
    const client = clientName(request, isTrusted);
    const key = maxPerKey === undefined && client !== undefined ? siteOf(client) : client;
    const grant = this.#requests.tryAcquire(key, { max: maxInFlight, maxPerKey });
    if (grant !== "granted") return { problem: REFUSED.requests[grant] };
    const upload: Grant = hasBody ? this.#uploads.tryAcquire(key, { max: maxUploads, maxPerKey }) : "granted";
    if (upload !== "granted") {
      this.#requests.release(key);
      return { problem: REFUSED.uploads[upload] };
    }
    // A request with a body cannot be upgraded.
    const tunnel: Grant = isUpgrade ? this.#tunnels.tryAcquire(key, { max: maxTunnels, maxPerKey }) : "granted";
    if (tunnel !== "granted") {
      this.#requests.release(key);
      return { problem: REFUSED.tunnels[tunnel] };
    }
    const admission = new AdmittedExchange(this.#requests, hasBody ? this.#uploads : undefined, key);
    if (isUpgrade) admission.mayTunnel(this.#tunnels);
    const { completed } = request.connection;
    if (completed !== undefined) admission.releaseAfter(completed);
    return { admission };
  }
}

/** Permits of one exchange. */
export class AdmittedExchange {
  #requests: FairPermits | undefined;
  #uploads: FairPermits | undefined;
  #tunnels: FairPermits | undefined;
  readonly #key: string | undefined;
  #isTunnel = false;
  #isAwaited = false;
  #isResponded = false;

  /** Takes over the permits that were granted to the key. */
  constructor(requests: FairPermits, uploads: FairPermits | undefined, key: string | undefined) {
    this.#requests = requests;
    this.#uploads = uploads;
    this.#key = key;
  }

  /** Releases the permit of the upload, when the body has arrived or is no longer read. Later calls do nothing. */
  uploaded(): void {
    this.#uploads?.release(this.#key);
    this.#uploads = undefined;
    if (this.#isResponded) this.#release();
  }

  /** Takes over the permit of a tunnel, which is released with the permit of the request. */
  mayTunnel(tunnels: FairPermits): void {
    this.#tunnels = tunnels;
  }

  /** Keeps all permits until `tunnelClosed`, whenever the server has sent the response. */
  tunnelOpened(): void {
    this.#isTunnel = true;
  }

  /** Releases the permits of a tunnel that has ended. */
  tunnelClosed(): void {
    this.#isTunnel = false;
    this.#release();
  }

  /** Called when the server has the response. Releases the permits, unless the server reports when it was sent. */
  responded(): void {
    if (!this.#isAwaited) this.#release();
  }

  /**
   * Releases the permits only when the promise settles. A client that has stopped reading holds memory in the server,
   * which the handler cannot release.
   */
  releaseAfter(completed: Promise<unknown>): void {
    this.#isAwaited = true;
    const release = () => this.#release();
    completed.then(release, release);
  }

  /** Waits for the upload, which can outlast the response: services other than the selected one still receive it. */
  #release(): void {
    this.#isResponded = true;
    if (this.#uploads !== undefined || this.#isTunnel) return;
    this.#requests?.release(this.#key);
    this.#tunnels?.release(this.#key);
    this.#requests = this.#tunnels = undefined;
  }
}

function busy(reason: RefusalReason, detail: string): LocalReply {
  return { status: REFUSAL_REASONS[reason].status, detail, headers: RETRY_AFTER, reason };
}

/**
 * Returns the network of a client. An untrusted IPv4 peer is not parsed: its address is its network already, and
 * parsing would dominate the cost of admission.
 */
function clientName({ headers, connection }: ClientRequest, isTrusted: AddressMatcher): string | undefined {
  const peer = connection.remoteAddr?.hostname;
  if (peer === undefined || (!peer.includes(":") && !isTrusted(peer))) return peer;
  return clientNetwork(peer, getHeader(headers, "x-forwarded-for") ?? null, isTrusted);
}

/**
 * Returns the /48 of an IPv6 network. Providers assign up to a /48 to one site (RFC 6177), which has 65,536 /64
 * networks.
 */
function siteOf(network: string): string {
  const suffix = "/64";
  return network.endsWith(suffix) ? `${network.slice(0, -suffix.length - 4)}/48` : network;
}
