/** Decides on a shadow request from the request and the configuration alone. Limits and samplers come later. */

import type { HeaderLine, SampleKey, ShadowPolicy } from "../config/config.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { clientNetwork } from "../http/client_address.ts";
import { getHeader } from "../http/headers.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { cookieValue } from "../lib/cookies.ts";
import { stableHash } from "../lib/stable_hash.ts";

/**
 * A decision. `mirror`: the request is mirrored unless a limit is reached. `sample`: the same, if the sampler selects
 * the request. Otherwise the request is not mirrored: its method is excluded, its body is too large, it lacks the key
 * that identifies the client, or its client is not in the sample.
 */
export type ShadowDecision =
  | "mirror"
  | "sample"
  | "method-excluded"
  | "body-too-large"
  | "client-unknown"
  | "client-not-sampled";

/** Parts of a request that decide whether it is mirrored. */
export type ShadowedRequest = Pick<ReceivedRequest, "method" | "contentLength" | "headers" | "authority">;

/** Context of {@linkcode decideShadow}. */
export interface ShadowContext {
  /** Name of the shadow. Other shadows have other clients in their samples. */
  readonly name: string;
  /** Ratio of the requests or clients to mirror, 0 to 1. */
  readonly ratio: number;
  /** Reports whether the forwarding fields of a peer are trusted. */
  readonly isTrusted: AddressMatcher;
}

/** Decides whether a shadow gets a request. A body of unknown length is checked while it arrives. */
export function decideShadow(
  { methods, body, maxBodyBytes, sampleKey }: ShadowPolicy,
  request: ShadowedRequest,
  { name, ratio, isTrusted }: ShadowContext,
): ShadowDecision {
  const { method, contentLength } = request;
  if (methods !== undefined && !methods.includes(method)) return "method-excluded";
  if (body && contentLength !== undefined && contentLength > maxBodyBytes) return "body-too-large";
  if (sampleKey === undefined) return ratio === 1 ? "mirror" : "sample";
  const client = readSampleKey(sampleKey, request, isTrusted);
  if (client === undefined) return "client-unknown";
  return clientRank(name, client) < ratio ? "mirror" : "client-not-sampled";
}

/**
 * Returns the position of a client in the order in which a growing ratio takes clients, 0 to 1. Each shadow has an
 * order of its own, which is the same on every instance.
 */
export function clientRank(shadow: string, client: string): number {
  return stableHash(shadow, client);
}

/**
 * Returns the value that identifies the client. Returns `undefined` for a missing or empty value, which cannot
 * distinguish clients. The last `X-Forwarded-For` entry of the request must be the peer.
 */
export function readSampleKey(
  key: SampleKey,
  { headers, authority }: Pick<ReceivedRequest, "headers" | "authority">,
  isTrusted: AddressMatcher,
): string | undefined {
  if (key.kind === "ip") return networkFrom(headers, isTrusted);
  if (key.kind === "cookie") return cookieFrom(headers, key.name) || undefined;
  return (key.name === "host" ? authority : getHeader(headers, key.name)) || undefined;
}

function networkFrom(headers: readonly HeaderLine[], isTrusted: AddressMatcher): string | undefined {
  const path = getHeader(headers, "x-forwarded-for");
  if (path === undefined) return undefined;
  const comma = path.lastIndexOf(",");
  return clientNetwork(path.slice(comma + 1).trim(), path.slice(0, Math.max(comma, 0)), isTrusted);
}

/** Returns the value of a cookie. Over HTTP/2 and HTTP/3, cookies may be in several lines (RFC 9113 §8.2.3). */
function cookieFrom(headers: readonly HeaderLine[], name: string): string | undefined {
  for (const [field, value] of headers) {
    if (field.toLowerCase() !== "cookie") continue;
    const found = cookieValue(value, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
