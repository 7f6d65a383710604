/**
 * Fields with which a proxy describes itself and the client: X-Forwarded-*, Forwarded (RFC 7239), Via, X-Request-Id.
 */

import type { HeaderLine } from "../config/config.ts";
import { fieldSpelling, getHeader } from "./headers.ts";

/** Maximum number of other conductors in Via. More of them count as a loop. */
const MAX_CONDUCTORS = 10;
/** Visible ASCII, short enough for every log. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
/** Fields that conductor always sets itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["via", "x-request-id"]);
/** First letters of all fields that describe the client or a proxy: Forwarded, Via, X-… */
const FIRST_LETTERS = "fFvVxX";
/** Fields that only conductor sets, such as `X-Conductor-Role`. */
const OWN_PREFIX = "x-conductor-";
const PSEUDONYM = "conductor-";
/** Received-protocol and the space after it, at the end of the text before a pseudonym. */
const VIA_PROTOCOL = /(?:^|,)[ \t]*[^\s,]{1,32} $/;
/** Characters before a pseudonym that are searched. No received-protocol with its white space is longer. */
const VIA_PROTOCOL_LENGTH = 48;
const VIA_PSEUDONYM = /conductor-[0-9a-f]+(?=[ ,]|$)/y;

/** Properties of the client, its connection and this instance. */
export interface ForwardingInfo {
  /** Address of the peer; `undefined` if unknown. */
  readonly clientAddress: string | undefined;
  /** Authority that the client requested. */
  readonly authority: string;
  /** Scheme of the client's connection. */
  readonly scheme: string;
  /** True if the peer's own forwarding fields are trusted. */
  readonly trusted: boolean;
  /** True if the field of RFC 7239 is sent. */
  readonly forwarded: boolean;
  /** Name of this instance in Via. */
  readonly pseudonym: string;
  readonly requestId: string;
}

/**
 * Replaces the forwarding fields of a request by our own, which extend the fields of a trusted peer. Also removes
 * fields that a backend could confuse with them (`X_Forwarded_For`: CGI reads `_` as `-`), and every `X-Conductor-*`
 * field.
 */
export function forwardingHeaders(headers: readonly HeaderLine[], info: ForwardingInfo): HeaderLine[] {
  const trusted = (field: string) => info.trusted ? getHeader(headers, field) : undefined;
  const added: HeaderLine[] = [];
  const path = trusted("x-forwarded-for");
  if (info.clientAddress !== undefined) added.push(["x-forwarded-for", append(path, info.clientAddress)]);
  else if (path !== undefined) added.push(["x-forwarded-for", path]);
  added.push(["x-forwarded-host", trusted("x-forwarded-host") ?? info.authority]);
  added.push(["x-forwarded-proto", trusted("x-forwarded-proto") ?? info.scheme]);
  if (info.forwarded) added.push(["forwarded", append(trusted("forwarded"), forwardedElement(info))]);
  added.push(["via", append(getHeader(headers, "via"), `1.1 ${info.pseudonym}`)]);
  added.push(["x-request-id", info.requestId]);

  const kept: HeaderLine[] = [];
  for (const line of headers) if (!isReplaced(line[0], added, info.trusted)) kept.push(line);
  for (const line of added) kept.push(line);
  return kept;
}

/** Reports whether our own fields replace a field. Most names are decided by their first character. */
function isReplaced(name: string, added: readonly HeaderLine[], isTrusted: boolean): boolean {
  if (!FIRST_LETTERS.includes(name.charAt(0))) return false;
  const spelling = fieldSpelling(name);
  if (spelling.startsWith(OWN_PREFIX) || OWN_FIELDS.has(spelling)) return true;
  if (!isClientField(spelling)) return false;
  return !isTrusted || name.toLowerCase() !== spelling || added.some(([name]) => name === spelling);
}

/** Returns the client's `X-Request-Id` if it is at most 128 visible ASCII characters, otherwise a random UUID. */
export function requestIdFrom(received: string | undefined): string {
  return received !== undefined && REQUEST_ID.test(received) ? received : crypto.randomUUID();
}

/** Reports whether a request has passed this instance before, or more than ten conductors (RFC 9110 §7.6.3). */
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

/** Reports whether a field describes the client or the proxies on the way, in any spelling. */
export function isForwardingField(name: string): boolean {
  const spelling = fieldSpelling(name);
  return OWN_FIELDS.has(spelling) || isClientField(spelling);
}

function isClientField(field: string): boolean {
  return field === "forwarded" || field === "x-real-ip" || field.startsWith("x-forwarded-");
}

function forwardedElement({ clientAddress, authority, scheme }: ForwardingInfo): string {
  const node = clientAddress?.includes(":") ? `"[${clientAddress}]"` : clientAddress ?? "unknown";
  return `for=${node};host=${quoteUnlessToken(authority)};proto=${scheme}`;
}

/**
 * Quotes the colon of a port and the brackets of an IPv6 address (RFC 7239 §4). Host names are tokens, and nothing in
 * an authority needs escapes.
 */
function quoteUnlessToken(value: string): string {
  return /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(value) ? value : `"${value}"`;
}

function append(existing: string | undefined, element: string): string {
  return existing === undefined ? element : `${existing}, ${element}`;
}
