/** Sentences about the mirroring of a request to a shadow. */

import type { Ramp, Service, ShadowPolicy } from "../config/config.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { withoutCredentials } from "../http/credentials.ts";
import { getHeader } from "../http/headers.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { printable } from "../lib/printable.ts";
import { SecretNames } from "../lib/secret_names.ts";
import {
  clientRank,
  decideShadow,
  readSampleKey,
  type ShadowDecision,
  type ShadowedRequest,
} from "../policy/shadow_decision.ts";
import { formatPercentage, formatRampDuration, formatRatio, formatSize } from "./explain_format.ts";

/** Parts of a request that decide whether a shadow gets it, and without which fields. */
export type ExplainedRequest = ShadowedRequest & Pick<ReceivedRequest, "path" | "query">;

/** Decision on a shadow request, as far as it is known before the request is sent. */
export interface ShadowExplanation {
  /** False if the request is never mirrored. Otherwise it also depends on the other requests. */
  readonly mayBeSent: boolean;
  /** Parts of the request that the shadow would get, or the reason why it would get nothing. */
  readonly text: string;
}

/** Explains the decision that the handler would make, at the end of the ramp if there is one. */
export function explainShadow(
  { service, policy }: { readonly service: Service; readonly policy: ShadowPolicy },
  request: ExplainedRequest,
  isTrusted: AddressMatcher,
): ShadowExplanation {
  const { sampleRate: ratio, ramp, sampleKey } = policy;
  const decision = decideShadow(policy, request, { name: service.name, ratio, isTrusted });
  const reason = ratio === 0 && sampleKey === undefined
    ? reasonOf(decision, policy, request) ?? "the ratio is 0"
    : reasonOf(decision, policy, request);
  if (reason !== undefined) return { mayBeSent: false, text: `not mirrored: ${reason}` };
  const client = sampleKey && readSampleKey(sampleKey, request, isTrusted);
  const sampled = client === undefined
    ? describeRatio(ratio, ramp)
    : describeClient(clientRank(service.name, client), ratio, ramp);
  return {
    mayBeSent: true,
    text: [sampled, ...conditions(policy, request), ...omissions(service, request)].join("; "),
  };
}

function reasonOf(
  decision: ShadowDecision,
  { methods = [], maxBodyBytes, sampleKey, sampleRate }: ShadowPolicy,
  request: ShadowedRequest,
): string | undefined {
  switch (decision) {
    case "method-excluded":
      return `${printable(request.method)} is not one of ${methods.join(", ")}`;
    case "body-too-large":
      return `its body is larger than ${formatSize(maxBodyBytes)}`;
    case "client-unknown":
      return sampleKey === undefined || sampleKey.kind === "ip"
        ? "the client's address is not known"
        : `it has no ${sampleKey.kind} "${sampleKey.name}"`;
    case "client-not-sampled":
      return `this client is not in the ${formatPercentage(sampleRate)} of clients`;
    default:
      return undefined;
  }
}

function describeRatio(ratio: number, ramp: Ramp | undefined): string {
  if (ramp !== undefined) {
    return `gets ${formatRatio(ramp.from)} at first, ${formatRatio(ramp.to)} after ${formatRampDuration(ramp.overMs)}`;
  }
  return ratio === 1 ? "mirrored, never waited for" : `gets ${formatRatio(ratio)}`;
}

function describeClient(rank: number, ratio: number, ramp: Ramp | undefined): string {
  const waitMs = ramp === undefined ? 0 : timeUntil(rank, ramp);
  const wait = waitMs === 0 ? "" : ` once the ramp has run for ${formatRampDuration(waitMs)}`;
  return `mirrored${wait}: this client is in the ${formatPercentage(ratio)} of clients`;
}

function timeUntil(rank: number, { from, to, overMs }: Ramp): number {
  return rank < from ? 0 : (rank - from) / (to - from) * overMs;
}

function conditions(
  { body, maxBodyBytes, maxInFlight, maxPerSecond }: ShadowPolicy,
  request: ShadowedRequest,
): string[] {
  const mayBeLarger = body && maxBodyBytes !== Infinity && request.contentLength === undefined;
  const rate = maxPerSecond === Infinity ? "" : `, ${maxPerSecond} per second`;
  return [
    `up to ${maxInFlight} in flight${rate}`,
    ...(mayBeLarger ? [`a body up to ${formatSize(maxBodyBytes)}`] : []),
  ];
}

function omissions({ shadow, removeHeaders }: Service, request: ExplainedRequest): string[] {
  const removed = removeHeaders.filter((name) => getHeader(request.headers, name) !== undefined);
  const { fields, parameters } = shadow?.credentials === false
    ? withoutCredentials(request, new SecretNames())
    : { fields: [], parameters: [] };
  const omitted = [
    ...(shadow?.body === false ? ["its body"] : []),
    ...new Set([...removed, ...fields.toSorted()].map(printable)),
    ...parameters.map((name) => `parameter ${printable(name)}`),
  ];
  return omitted.length === 0 ? [] : [`without ${omitted.join(", ")}`];
}
