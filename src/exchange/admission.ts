/** Bounds the exchanges in flight: of all clients, of each client, and of uploads. */

import type { Limits } from "../config/config.ts";
import { FairPermits, type Grant } from "../lib/fair_permits.ts";
import { clientNetwork } from "./client_network.ts";
import type { ConnectionInfo } from "./inbound.ts";
import type { Problem, RefusalReason } from "./problem.ts";
import type { AddressMatcher } from "./trust_proxy.ts";

/** An admitted exchange, or the problem to respond with. */
export type Admitted =
  | { readonly admission: AdmittedExchange; readonly problem?: never }
  | { readonly admission?: never; readonly problem: Problem };

/** Most exchanges last less than this, and a client that comes back sooner only adds to the crowd. */
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
};

/** Facts that decide on a request. */
export interface AdmissionOptions {
  /** Bounds. */
  readonly limits: Limits;
  /** Reports whether forwarding fields of a peer are believed. */
  readonly isTrusted: AddressMatcher;
  /** Reports whether the request may have a body. */
  readonly hasBody: boolean;
}

/** Exchanges in flight of one running conductor, whatever its configuration. */
export class Admission {
  readonly #requests = new FairPermits();
  readonly #uploads = new FairPermits();

  /** Admits a request if there is room for it, and for its upload. A client without an address counts among all only. */
  enter(request: Request, info: ConnectionInfo, { limits, isTrusted, hasBody }: AdmissionOptions): Admitted {
    const { maxInFlight, maxInFlightPerClient: maxPerKey, maxUploads } = limits;
    const client = clientName(request, info, isTrusted);
    const key = maxPerKey === undefined && client !== undefined ? siteOf(client) : client;
    const grant = this.#requests.take(key, { max: maxInFlight, maxPerKey });
    if (grant !== "granted") return { problem: REFUSED.requests[grant] };
    const upload: Grant = hasBody ? this.#uploads.take(key, { max: maxUploads, maxPerKey }) : "granted";
    if (upload !== "granted") {
      this.#requests.giveBack(key);
      return { problem: REFUSED.uploads[upload] };
    }
    const admission = new AdmittedExchange(this.#requests, hasBody ? this.#uploads : undefined, key);
    if (info.completed !== undefined) admission.leaveAfter(info.completed);
    return { admission };
  }
}

/** Permits of one exchange. */
export class AdmittedExchange {
  #requests: FairPermits | undefined;
  #uploads: FairPermits | undefined;
  readonly #key: string | undefined;
  #isAwaited = false;
  #isResponded = false;

  /** Takes over permits that were granted to the key. */
  constructor(requests: FairPermits, uploads: FairPermits | undefined, key: string | undefined) {
    this.#requests = requests;
    this.#uploads = uploads;
    this.#key = key;
  }

  /** Called when the body has arrived completely, or no more of it is read. Later calls change nothing. */
  uploaded(): void {
    this.#uploads?.giveBack(this.#key);
    this.#uploads = undefined;
    if (this.#isResponded) this.#leave();
  }

  /** Called when the response has been passed on: the exchange leaves, unless the server reports when that was sent. */
  responded(): void {
    if (!this.#isAwaited) this.#leave();
  }

  /**
   * Leaves when the promise settles, not before: a client that has stopped reading holds memory in the server long after
   * the handler could do anything about it.
   */
  leaveAfter(completed: Promise<unknown>): void {
    this.#isAwaited = true;
    const leave = () => this.#leave();
    completed.then(leave, leave);
  }

  /** Waits for the upload, which can outlast the response: services other than the selected one still receive it. */
  #leave(): void {
    this.#isResponded = true;
    if (this.#uploads !== undefined) return;
    this.#requests?.giveBack(this.#key);
    this.#requests = undefined;
  }
}

function busy(reason: RefusalReason, detail: string): Problem {
  return { status: 503, detail, headers: RETRY_AFTER, reason };
}

/** An IPv4 address is its own network, and most peers have one: parsing it costs more than all else here. */
function clientName(request: Request, info: ConnectionInfo, isTrusted: AddressMatcher): string | undefined {
  const peer = info.remoteAddr?.hostname;
  if (peer === undefined || (!peer.includes(":") && !isTrusted(peer))) return peer;
  return clientNetwork(peer, request.headers.get("x-forwarded-for"), isTrusted);
}

/** Providers assign up to a /48 to one site (RFC 6177), which then has 65,536 networks of its own. */
function siteOf(network: string): string {
  const suffix = "/64";
  return network.endsWith(suffix) ? `${network.slice(0, -suffix.length - 4)}/48` : network;
}
