/** What a shadow would get of one request, in words. */

import type { Ramp, Service, ShadowPolicy } from "../config/config.ts";
import { withoutCredentials } from "../http/credentials.ts";
import { getHeader } from "../http/headers.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { SecretNames } from "../lib/secret_names.ts";
import { formatDuration } from "../lib/duration.ts";
import { printable } from "../lib/printable.ts";
import { staticSkipReason } from "../policy/shadow_rules.ts";
import { isClientSampled } from "../policy/sample.ts";
import { readSampleKey } from "../policy/sample_key.ts";
import { stableHash } from "../lib/stable_hash.ts";
import { formatShare } from "./format_share.ts";

/** Parts of a request that decide whether it is mirrored. */
export type ShadowedRequest = Pick<
  ReceivedRequest,
  "method" | "contentLength" | "path" | "query" | "headers" | "authority"
>;

/** What becomes of a copy, as far as it can be told. */
export interface ShadowExplanation {
  /** Whether it may be sent; whether it is can depend on what else is going on. */
  readonly mayBeSent: boolean;
  /** What is sent, or why it is not. */
  readonly text: string;
}

const UNITS = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const;

/**
 * Says what a shadow would get.
 *
 * @param service The shadow.
 * @param copy What it gets in general.
 * @param request The request.
 * @param isTrusted Whose forwarding fields are believed.
 * @returns What it would get, or why it would not.
 */
export function explainShadow(
  { service, copy }: { readonly service: Service; readonly copy: ShadowPolicy },
  request: ShadowedRequest,
  isTrusted: AddressMatcher,
): ShadowExplanation {
  const unfit = staticSkipReason(copy, request);
  if (unfit === "method") return no(`${printable(request.method)} is not one of ${copy.methods!.join(", ")}`);
  if (unfit !== undefined) return no(`its body is larger than ${formatSize(copy.maxBodyBytes)}`);
  const sampled = copy.sampleKey === undefined ? noteShare(copy) : noteClient({ service, copy }, request, isTrusted);
  if (!sampled.mayBeSent) return sampled;
  return {
    mayBeSent: true,
    text: [sampled.text, ...conditions(copy, request), ...omissions(service, request)].join("; "),
  };
}

function no(because: string): ShadowExplanation {
  return { mayBeSent: false, text: `no copy: ${because}` };
}

function noteShare({ sampleRate, ramp }: ShadowPolicy): ShadowExplanation {
  if (ramp !== undefined) {
    const text = `gets ${formatShare(ramp.from)} at first, ${formatShare(ramp.to)} after ${formatWait(ramp.overMs)}`;
    return { mayBeSent: ramp.to > 0, text };
  }
  if (sampleRate === 0) return no("its share is 0");
  return {
    mayBeSent: true,
    text: sampleRate === 1 ? "gets a copy, never waited for" : `gets ${formatShare(sampleRate)}`,
  };
}

function noteClient(
  { service, copy }: { readonly service: Service; readonly copy: ShadowPolicy },
  request: ShadowedRequest,
  isTrusted: AddressMatcher,
): ShadowExplanation {
  const key = copy.sampleKey!;
  const client = readSampleKey(key, request, isTrusted);
  if (client === undefined) {
    return no(key.kind === "ip" ? "the client's address is not known" : `it has no ${key.kind} "${key.name}"`);
  }
  const isIn = isClientSampled(service.name, client, copy.sampleRate);
  const share = formatPercentage(copy.sampleRate);
  if (!isIn) return no(`this client is not in the ${share} of clients`);
  const waitMs = copy.ramp === undefined ? 0 : timeUntil(stableHash(service.name, client), copy.ramp);
  const text = waitMs === 0
    ? `gets a copy: this client is in the ${share} of clients`
    : `gets a copy once the ramp has risen for ${formatWait(waitMs)}: this client is in the ${share} of clients`;
  return { mayBeSent: true, text };
}

function timeUntil(share: number, { from, to, overMs }: Ramp): number {
  return share < from ? 0 : (share - from) / (to - from) * overMs;
}

function conditions(
  { body, maxBodyBytes, maxInFlight, maxPerSecond }: ShadowPolicy,
  request: ShadowedRequest,
): string[] {
  const mayBeLarger = body && maxBodyBytes !== Infinity && request.contentLength === undefined;
  const rate = maxPerSecond === Infinity ? "" : `, ${maxPerSecond} per second`;
  return [`up to ${maxInFlight} at once${rate}`, ...(mayBeLarger ? [`a body up to ${formatSize(maxBodyBytes)}`] : [])];
}

function omissions({ shadow, removeHeaders }: Service, request: ShadowedRequest): string[] {
  const removed = removeHeaders.filter((name) => getHeader(request.headers, name) !== undefined);
  const { fields, parameters } = shadow?.credentials === false
    ? withoutCredentials(request, new SecretNames())
    : { fields: [], parameters: [] };
  const left = [
    ...(shadow?.body === false ? ["its body"] : []),
    ...new Set([...removed, ...fields.toSorted()].map(printable)),
    ...parameters.map((name) => `parameter ${printable(name)}`),
  ];
  return left.length === 0 ? [] : [`without ${left.join(", ")}`];
}

function formatPercentage(share: number): string {
  return `${Number((share * 100).toFixed(7))} %`;
}

function formatSize(bytes: number): string {
  const [unit, length] = UNITS.find(([, length]) => bytes > 0 && bytes % length === 0) ?? ["bytes", 1];
  return `${(bytes / length).toLocaleString("en")} ${unit}`;
}

/** Ramps take minutes and hours. */
function formatWait(ms: number): string {
  return ms < 60_000 ? formatDuration(ms) : `${Number((ms / 60_000).toFixed(1))} min`;
}
