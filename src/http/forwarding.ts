/** What a proxy says about itself and the client to the next hop: X-Forwarded-*, Forwarded (RFC 7239), Via, X-Request-Id. */

import type { HeaderLine } from "../config/config.ts";
import { fieldSpelling, getHeader } from "./headers.ts";

/** Conductors that a request may have passed before it counts as going round in circles. */
const MAX_CONDUCTORS = 10;
/** Visible ASCII, short enough for every log (SPEC §5). */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
/** Fields that conductor always sets itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["via", "x-request-id"]);
/** Fields that only conductor sets, such as `X-Conductor-Role`. */
const OWN_PREFIX = "x-conductor-";
const PSEUDONYM = "conductor-";
/** Received-protocol and the space after it, at the end of the text before a pseudonym. */
const VIA_PROTOCOL = /(?:^|,)[ \t]*[^\s,]{1,32} $/;
/** Characters before a pseudonym that are searched: more than any received-protocol with its white space. */
const VIA_PROTOCOL_LENGTH = 48;
const VIA_PSEUDONYM = /conductor-[0-9a-f]+(?=[ ,]|$)/y;

/** What is known of the client and its connection. */
export interface ForwardingInfo {
  /** The peer's address; `undefined` where the server did not tell. */
  readonly clientAddress: string | undefined;
  /** The authority that the client asked for. */
  readonly authority: string;
  /** The scheme of the client's connection. */
  readonly scheme: string;
  /** Whether the peer's own forwarding fields are believed. */
  readonly trusted: boolean;
  /** Whether RFC 7239's field is asked for. */
  readonly forwarded: boolean;
  /** This instance's name in Via. */
  readonly pseudonym: string;
  /** The exchange's id. */
  readonly requestId: string;
}

/**
 * Replaces the forwarding fields of a request by our own, which extend the fields of a trusted peer. Fields that a
 * backend could confuse with them are removed as well (`X_Forwarded_For`: CGI reads `_` as `-`), and so is every
 * `X-Conductor-*`.
 *
 * @param lines The end-to-end lines of the request.
 * @param facts Facts about the client and its connection.
 * @returns The lines with forwarding fields, Via and X-Request-Id set.
 */
export function forwardingLines(lines: readonly HeaderLine[], facts: ForwardingInfo): HeaderLine[] {
  const trusted = (field: string) => facts.trusted ? getHeader(lines, field) : undefined;
  const added: HeaderLine[] = [];
  const path = trusted("x-forwarded-for");
  if (facts.clientAddress !== undefined) added.push(["x-forwarded-for", append(path, facts.clientAddress)]);
  else if (path !== undefined) added.push(["x-forwarded-for", path]);
  added.push(["x-forwarded-host", trusted("x-forwarded-host") ?? facts.authority]);
  added.push(["x-forwarded-proto", trusted("x-forwarded-proto") ?? facts.scheme]);
  if (facts.forwarded) added.push(["forwarded", append(trusted("forwarded"), forwardedElement(facts))]);
  added.push(["via", append(getHeader(lines, "via"), `1.1 ${facts.pseudonym}`)]);
  added.push(["x-request-id", facts.requestId]);

  const kept = lines.filter(([name]) => {
    const spelling = fieldSpelling(name);
    if (spelling.startsWith(OWN_PREFIX) || OWN_FIELDS.has(spelling) || added.some(([name]) => name === spelling)) {
      return false;
    }
    return !isForwardingField(spelling) || (facts.trusted && name.toLowerCase() === spelling);
  });
  kept.push(...added);
  return kept;
}

/**
 * Chooses the exchange's id.
 *
 * @param received The client's `X-Request-Id`.
 * @returns It, where it is at most 128 visible ASCII characters; else a random UUID.
 */
export function requestIdFrom(received: string | undefined): string {
  return received !== undefined && REQUEST_ID.test(received) ? received : crypto.randomUUID();
}

/**
 * Tells whether a request goes round in circles (RFC 9110 §7.6.3 gives Via for this).
 *
 * @param via The request's Via field.
 * @param pseudonym This instance's name in Via.
 * @returns `true` where the request has been here before, or has passed more than ten conductors.
 */
export function isLoop(via: string | undefined, pseudonym: string): boolean {
  if (via === undefined) return false;
  let conductors = 0;
  // Jumps from one pseudonym to the next instead of parsing all members: Via may fill a whole head.
  for (let at = via.indexOf(PSEUDONYM); at !== -1; at = via.indexOf(PSEUDONYM, at + 1)) {
    VIA_PSEUDONYM.lastIndex = at;
    const [name] = VIA_PSEUDONYM.exec(via) ?? [];
    if (name === undefined || !VIA_PROTOCOL.test(via.slice(Math.max(0, at - VIA_PROTOCOL_LENGTH), at))) continue;
    if (name === pseudonym || ++conductors > MAX_CONDUCTORS) return true;
  }
  return false;
}

function isForwardingField(field: string): boolean {
  return field === "forwarded" || field === "x-real-ip" || field.startsWith("x-forwarded-");
}

function forwardedElement({ clientAddress, authority, scheme }: ForwardingInfo): string {
  const node = clientAddress?.includes(":") ? `"[${clientAddress}]"` : clientAddress ?? "unknown";
  return `for=${node};host=${quoteUnlessToken(authority)};proto=${scheme}`;
}

/** Host names are tokens; a port's colon or an IPv6 bracket needs quotes (RFC 7239 §4). Nothing in an authority needs escapes. */
function quoteUnlessToken(value: string): string {
  return /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(value) ? value : `"${value}"`;
}

function append(existing: string | undefined, element: string): string {
  return existing === undefined ? element : `${existing}, ${element}`;
}
