/** Who may come in: how many exchanges there are at once, of all clients and of each. */

import type { Limits } from "../config/config.ts";
import { clientNetwork } from "./client_network.ts";
import type { ConnectionInfo } from "./inbound.ts";
import type { Problem } from "./problem.ts";
import { type GiveBack, Tally } from "./tally.ts";
import type { AddressMatcher } from "./trust_proxy.ts";

/** A request was let in, or is to be answered with a problem. */
export type Admitted =
  | { readonly leave: GiveBack; readonly problem?: never }
  | { readonly leave?: never; readonly problem: Problem };

/** Most exchanges last less than this, and a client that comes back sooner only adds to the crowd. */
const RETRY_AFTER = [["retry-after", "1"]] as const;
const FULL: Problem = { status: 503, detail: "Too many requests are in flight", headers: RETRY_AFTER };
const CLIENT_FULL: Problem = { ...FULL, detail: "Too many requests of this client are in flight" };

const LEFT_OTHERWISE: GiveBack = () => {};

/** What decides on a request. */
export interface AdmissionOptions {
  /** The bounds. */
  readonly limits: Limits;
  /** Whose forwarding fields are believed. */
  readonly isTrusted: AddressMatcher;
}

/** The exchanges of one running conductor, whatever its configuration. */
export class Admission {
  readonly #all = new Tally();
  readonly #byClient = new Tally();

  /**
   * Lets a request in, where there is room for it.
   *
   * @param request The client's request.
   * @param info What the server knows of the connection; a client without an address is counted among all only.
   * @param options The bounds, and whose forwarding fields are believed.
   * @returns The means to leave, to be used at the exchange's end; or what to answer.
   */
  enter(request: Request, info: ConnectionInfo, options: AdmissionOptions): Admitted {
    const { limits, isTrusted } = options;
    const leaveAll = this.#all.take("", limits.maxInFlight);
    if (leaveAll === undefined) return { problem: FULL };
    if (limits.maxInFlight === Infinity && limits.maxInFlightPerClient === Infinity) return { leave: leaveAll };
    if (limits.maxInFlightPerClient === Infinity) return { leave: untilCompleted(leaveAll, info) };
    const client = clientNetwork(info.remoteAddr?.hostname, request.headers.get("x-forwarded-for"), isTrusted);
    if (client === undefined) return { leave: untilCompleted(leaveAll, info) };
    const leaveOwn = this.#byClient.take(client, limits.maxInFlightPerClient);
    if (leaveOwn === undefined) {
      leaveAll();
      return { problem: CLIENT_FULL };
    }
    const leave = () => {
      leaveAll();
      leaveOwn();
    };
    return { leave: untilCompleted(leave, info) };
  }
}

/**
 * Where the server tells when a response has been sent, that counts, and leaving before changes nothing: a client that
 * has stopped reading holds memory in the server long after the handler could do anything about it.
 */
function untilCompleted(leave: GiveBack, { completed }: ConnectionInfo): GiveBack {
  if (completed === undefined) return leave;
  completed.then(leave, leave);
  return LEFT_OTHERWISE;
}
