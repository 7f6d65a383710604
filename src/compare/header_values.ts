/** Meaning of header values: directives, lists and plain values, in a form that is equal for equivalent values. */

/** Kind of a header's value. */
type ValueKind = "csp" | "directives" | "list" | "features" | "parameters" | "plain" | "vary";

const KINDS: ReadonlyMap<string, ValueKind> = new Map<string, ValueKind>([
  ["content-security-policy", "csp"],
  ["content-security-policy-report-only", "csp"],
  ["strict-transport-security", "directives"],
  ["permissions-policy", "features"],
  ["cache-control", "list"],
  ["vary", "vary"],
  ["allow", "list"],
  ["content-language", "list"],
  ["access-control-allow-methods", "list"],
  ["access-control-allow-headers", "list"],
  ["access-control-expose-headers", "list"],
  ["x-content-type-options", "list"],
  ["x-frame-options", "list"],
  ["referrer-policy", "plain"],
  ["cross-origin-opener-policy", "plain"],
  ["cross-origin-embedder-policy", "plain"],
  ["cross-origin-resource-policy", "plain"],
  ["content-type", "plain"],
  ["content-disposition", "parameters"],
  ["link", "parameters"],
  ["www-authenticate", "parameters"],
]);

const JSON_IN_UTF8 = /^application\/(?:[^;]*\+)?json;charset=utf-?8$/;

const QUOTED_TOKEN = /=\s*"([!#$%&'*+.^_`|~\w-]+)"/g;

/** Nonces are random, so only their presence is compared. */
const NONCE = /^'nonce-[^']*'$/i;
/** Maximum directives of a value. The rest is compared as one. */
const MAX_DIRECTIVES = 100;

/** Returns a text that equivalent values of a field share. Names of fields are in lower case. */
export function canonicalHeader(name: string, value: string): string {
  switch (KINDS.get(name)) {
    case undefined:
      return value;
    case "plain": {
      const plain = value.toLowerCase().replaceAll(/[\s"]/g, "");
      // JSON is always UTF-8 (RFC 8259 §8.1), and its media type has no parameters (§11).
      return JSON_IN_UTF8.test(plain) ? plain.slice(0, plain.indexOf(";")) : plain;
    }
    case "parameters":
      // A token may be quoted or not (RFC 9110 §5.6.6, RFC 8288 §3).
      return value.replaceAll(QUOTED_TOKEN, "=$1").replaceAll(/\s*([;,])\s*/g, "$1");
    case "list":
      return itemsOf(value).sort().join();
    case "vary":
      // Content codings are not compared either.
      return itemsOf(value).filter((item) => item !== "accept-encoding").sort().join();
    case "csp":
      return value.split(",").map((policy) => joined(directivesOf(name, policy))).sort().join();
    default:
      return joined(directivesOf(name, value));
  }
}

/** Reports whether a value equals the absence of its field. */
export function isSameAsAbsent(name: string, value: string): boolean {
  return name === "vary" && canonicalHeader(name, value) === "";
}

function itemsOf(value: string): string[] {
  return [...new Set(value.toLowerCase().split(",").map((item) => item.trim()))].filter((item) => item !== "");
}

/**
 * Returns the directives of a value by name; `undefined` if the field has none, or several policies, which only count
 * together.
 */
export function directivesOf(name: string, value: string): ReadonlyMap<string, string> | undefined {
  const kind = KINDS.get(name);
  if (kind !== "csp" && kind !== "directives" && kind !== "features") return undefined;
  if (kind === "csp" && value.includes(",")) return undefined;
  const directives = new Map<string, string>();
  for (const part of value.split(kind === "features" ? "," : ";", MAX_DIRECTIVES)) {
    const [, key = "", text = ""] = /^\s*([^\s=]*)(?:\s*=\s*|\s+)?([^]*)$/.exec(part) ?? [];
    const directive = key.toLowerCase();
    // The first directive of a name counts (CSP 3 §2.2.1, RFC 6797 §6.1).
    if (directive !== "" && !directives.has(directive)) directives.set(directive, canonicalSources(text));
  }
  return directives;
}

function joined(directives: ReadonlyMap<string, string> = new Map()): string {
  return [...directives].map(([directive, text]) => `${directive} ${text}`).sort().join(";");
}

/** Sorts the sources of a directive. Their order does not count. Paths of URLs are case-sensitive. */
function canonicalSources(text: string): string {
  const sources = text.replaceAll(/[()"]/g, " ").split(/\s+/).filter((source) => source !== "");
  return sources.map((source) => NONCE.test(source) ? "'nonce-…'" : source).sort().join(" ");
}
