/** What a client is known by, read from its request. */

import type { HeaderLine, SampleKey } from "../config/config.ts";
import { clientNetwork } from "../http/client_address.ts";
import { getHeader } from "../http/headers.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { cookieValue } from "../lib/cookies.ts";

/**
 * Reads what the client is known by.
 *
 * @param key What it is.
 * @param clientRequest The request; its last `X-Forwarded-For` is the peer.
 * @param isTrusted Whose forwarding fields are believed.
 * @returns The value; `undefined` where there is none, or an empty one, which tells nobody apart.
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

function networkFrom(lines: readonly HeaderLine[], isTrusted: AddressMatcher): string | undefined {
  const path = getHeader(lines, "x-forwarded-for");
  if (path === undefined) return undefined;
  const comma = path.lastIndexOf(",");
  return clientNetwork(path.slice(comma + 1).trim(), path.slice(0, Math.max(comma, 0)), isTrusted);
}

/** RFC 6265 §4.2; over HTTP/2 and HTTP/3 the pairs may come in several lines (RFC 9113 §8.2.3). */
function cookieFrom(lines: readonly HeaderLine[], name: string): string | undefined {
  for (const [field, value] of lines) {
    if (field.toLowerCase() !== "cookie") continue;
    const found = cookieValue(value, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
