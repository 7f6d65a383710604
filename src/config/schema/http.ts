/** Values with the syntax of HTTP: header lines and names, methods, status codes, keys of clients. */

import type { InputPath } from "../read/input_path.ts";
import { listOf } from "./composite.ts";
import { isPrintableKey, quote } from "./describe.ts";
import { asText, boolean } from "./scalar.ts";
import { isMapping, literal, orPlaceholder, parseValue, type ValueType } from "./value_type.ts";

/** RFC 9110 §5.6.2, for names of header fields and of cookies (RFC 6265 §4.1.1). */
const TOKEN_CHARS = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const TOKEN = new RegExp(`^${TOKEN_CHARS}$`);
/** Visible US-ASCII with inner spaces and tabs: other characters have no agreed encoding (RFC 9110 §5.5). */
const VALUE = /^(?:[!-~](?:[ -~\t]*[!-~])?)?$/;
/** Fields of framing and of the connection (RFC 9110 §7.6.1). Setting them by hand permits request smuggling. */
const MANAGED_NAMES = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "host",
];
const MANAGED_NAMES_PATTERN = `^(?:${MANAGED_NAMES.map(anyCase).join("|")})$`;
const METHOD = /^[A-Za-z][A-Za-z-]*$/;
const STATUS_CLASS = /^([2-5])xx$/i;
const STATUS_RANGE = /^([2-5]\d\d)(?:-([2-5]\d\d))?$/;
const STATUS_NEED = 'a status code from 200 to 599, a range or a class, like 429, "500-503" or "5xx"';
/** RFC 9110 §7.8: a name, and optionally a version. */
const PROTOCOL = new RegExp(`^${TOKEN_CHARS}(?:/${TOKEN_CHARS})?$`);
const CARRIES_REQUESTS = /^(?:h2c?|http|tls)(?:\/|$)/i;
const SAMPLE_KEY = new RegExp(`^(?:ip|(header|cookie):(${TOKEN_CHARS}))$`);

/** Safe methods (RFC 9110 §9.2.1) without TRACE, which is never forwarded. */
export const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Protocols that a service may switch to: any, or these names in lower case. */
export type UpgradePolicy = "any" | readonly string[];

/** One header field line: name and value, as they go on the wire. */
export type HeaderLine = readonly [name: string, value: string];

/** An inclusive range of status codes. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** Identity of a client, for sampling clients instead of requests. */
export type SampleKey =
  | { readonly kind: "header" | "cookie"; readonly name: string }
  | { readonly kind: "ip" };

/** Returns the type of mappings from header names to values. Values are header lines in the order of the file. */
export function headerLines(): ValueType<readonly HeaderLine[]> {
  return {
    label: "mapping of names to values",
    input: "HeadersInput",
    alias: {
      name: "HeadersInput",
      type: "Readonly<Record<string, string | number | boolean>>",
      description: "Header names and their values.",
    },
    schema: {
      type: "object",
      propertyNames: { pattern: TOKEN.source, not: { pattern: MANAGED_NAMES_PATTERN } },
      additionalProperties: { type: ["string", "number", "boolean"], pattern: orPlaceholder(VALUE.source) },
    },
    parse(value, at) {
      if (!isMapping(value)) return at.wrongKind("a mapping of names to values", value);
      const lines: HeaderLine[] = [];
      const seen = new Map<string, string>();
      for (const [name, content] of Object.entries(value)) {
        const place = at.child(name);
        const lower = name.toLowerCase();
        const earlier = seen.get(lower);
        seen.set(lower, name);
        if (earlier !== undefined) {
          const key = isPrintableKey(earlier) ? quote(earlier) : "another key";
          place.problem(`must be given once: ${key} is the same field`);
        }
        const text = parseValue(VALUE_TYPE, content, place);
        if (checkName(name, place) && text !== undefined) lines.push([name, text]);
      }
      return lines;
    },
  };
}

/**
 * Reports whether a protocol carries HTTP requests, or could: `h2c`, `HTTP/2.0`, `TLS/1.2`. Requests inside such a
 * tunnel would bypass routes, limits and header rules.
 */
export function carriesRequests(protocol: string): boolean {
  return CARRIES_REQUESTS.test(protocol);
}

/** Returns the type of header names. Values are in lower case. */
export function headerName(): ValueType<string> {
  return literal({
    label: "header name",
    input: "string",
    schema: { type: "string", pattern: TOKEN.source },
    parse(value, at) {
      if (typeof value !== "string" || !TOKEN.test(value)) return at.mismatch("a header name", value);
      return value.toLowerCase();
    },
  });
}

/** Returns the type of request methods (RFC 9110 §9). Values are in upper case, like all methods in use. */
export function httpMethod(): ValueType<string> {
  return literal({
    label: "method",
    input: "string",
    schema: { type: "string", pattern: METHOD.source },
    parse(value, at) {
      if (typeof value !== "string" || !METHOD.test(value)) return at.mismatch("a method, like GET or POST", value);
      return value.toUpperCase();
    },
  });
}

/** Returns the type of status codes: a code, a range or a class. */
export function statuses(): ValueType<StatusRange> {
  return {
    label: "status codes",
    input: "StatusInput",
    alias: {
      name: "StatusInput",
      type: "number | string",
      description: 'A status code, or a range or class of them: `429`, `"500-503"`, `"5xx"`.',
    },
    notation: 'Codes, ranges and classes: `429`, `"500-503"`, `"5xx"`.',
    schema: {
      type: ["integer", "string"],
      minimum: 200,
      maximum: 599,
      pattern: orPlaceholder("^[2-5](?:[xX]{2}|\\d\\d(?:-[2-5]\\d\\d)?)$"),
    },
    parse(value, at) {
      const text = typeof value === "number" ? String(value) : value;
      if (typeof text !== "string") return at.mismatch(STATUS_NEED, value);
      const [, digit] = STATUS_CLASS.exec(text) ?? [];
      if (digit !== undefined) return { from: Number(digit) * 100, to: Number(digit) * 100 + 99 };
      const [, from, to = from] = STATUS_RANGE.exec(text) ?? [];
      if (from === undefined) return at.mismatch(STATUS_NEED, value);
      return Number(from) <= Number(to)
        ? { from: Number(from), to: Number(to) }
        : at.mismatch(`a range from low to high`, value);
    },
  };
}

/** Returns the type of groups of status codes. A list of codes counts as one group. */
export function statusGroups(): ValueType<readonly (readonly StatusRange[])[]> {
  const group = listOf(statuses(), { item: "status" });
  const list = { type: "array", items: group.schema };
  return {
    label: "list of status codes, or list of such lists",
    input: "readonly StatusInput[] | readonly (readonly StatusInput[])[]",
    ...(group.inner?.alias !== undefined && { alias: group.inner.alias }),
    notation: "One group, or a list of groups: `[200, 204]`, `[[200, 204], [301, 308]]`.",
    schema: { anyOf: [group.schema, list] },
    parse(value, at) {
      if (!Array.isArray(value)) return at.mismatch("a list of status codes", value);
      if (value.length === 0) return [];
      if (!value.some(Array.isArray)) return [group.parse(value, at) ?? []];
      return value.map((item, index) => group.parse(item, at.child(index)) ?? []);
    },
  };
}

/** Returns the type of protocols to switch to: `true` for any, or names. Names are in lower case. */
export function upgradeProtocols(): ValueType<UpgradePolicy> {
  const onOrOff = boolean();
  return literal({
    label: "true, false, or protocols",
    input: "boolean | string | readonly string[]",
    notation: 'Protocol names, with or without a version: `"websocket"`, `"mqtt/5"`.',
    schema: {
      anyOf: [
        { type: "boolean" },
        { type: "string", pattern: PROTOCOL.source },
        { type: "array", items: { type: "string", pattern: PROTOCOL.source }, minItems: 1 },
      ],
    },
    parse(value, at) {
      if (typeof value === "boolean" || /^(?:true|false|yes|no|on|off)$/i.test(String(value))) {
        return onOrOff.parse(value, at) ? "any" : undefined;
      }
      if (Array.isArray(value) && value.length === 0) {
        return at.problem("must have at least one protocol: found an empty list");
      }
      const names = Array.isArray(value) ? value : [value];
      return Array.from(names, (name, index) => {
        const place = Array.isArray(value) ? at.child(index) : at;
        if (typeof name !== "string" || !PROTOCOL.test(name)) {
          return place.mismatch('true, false or protocol names, like "websocket"', name);
        }
        if (!carriesRequests(name)) return name.toLowerCase();
        return place.problem("cannot be HTTP or TLS: requests inside would bypass the routes and limits");
      }).filter((name) => name !== undefined);
    },
  });
}

/** Returns the type of client identities. Names of header fields are in lower case. */
export function sampleKey(): ValueType<SampleKey> {
  return literal({
    label: "`header:NAME`, `cookie:NAME` or `ip`",
    input: "string",
    notation: '`"header:x-user"`, `"cookie:sid"` or `"ip"`, which is the IPv4 address or the IPv6 /64 network.',
    schema: { type: "string", pattern: SAMPLE_KEY.source },
    parse(value, at) {
      const [key, kind, name = ""] = (typeof value === "string" && SAMPLE_KEY.exec(value)) || [];
      if (key === undefined) return at.mismatch('"header:NAME", "cookie:NAME" or "ip"', value);
      if (kind === "cookie") return { kind, name };
      return kind === "header" ? { kind, name: name.toLowerCase() } : { kind: "ip" };
    },
  });
}

/** Messages never show a header value: a malformed one may still be a secret. */
const VALUE_TYPE: ValueType<string> = {
  label: "text",
  input: "string | number | boolean",
  schema: {},
  parse(value, at) {
    const text = asText(value);
    if (text === undefined) {
      return at.mismatch('text ("" for an empty value)', typeof value === "number" ? "an unusual number" : value);
    }
    if (text === "" && at.isSecret) at.warn("is empty: its placeholders have no content");
    if (VALUE.test(text)) return text;
    return at.problem(`must be a header value: found ${valueFault(text)}`);
  },
};

function valueFault(text: string): string {
  if (/[\r\n]/.test(text)) return "a line break";
  if (/^[ \t]|[ \t]$/.test(text)) return "a space at the beginning or end";
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f\x7f]/.test(text) ? "a control character" : "a character outside US-ASCII";
}

function checkName(name: string, at: InputPath): boolean {
  if (!TOKEN.test(name)) {
    at.problem("must be a header name: letters, digits and !#$%&'*+-.^_`|~ only");
    return false;
  }
  const lower = name.toLowerCase();
  if (!MANAGED_NAMES.includes(lower)) return true;
  at.problem(
    lower === "host"
      ? "cannot be set here: use the field `host`"
      : "cannot be set: conductor manages it per connection",
  );
  return false;
}

/** Returns a pattern that ignores case, because patterns of JSON Schema have no flags. */
function anyCase(word: string): string {
  return word.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}
