/** @import { RecordedRequest } from "./har.js" */
import { UNPRINTABLE } from "./format.js";

/** A request as a command for a POSIX shell. */

/** Header fields that curl sets itself. */
const OMITTED = new Set(["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding"]);

/** Fields that curl adds, unless they are removed or replaced. */
const ADDED = ["accept", "user-agent"];

/** Names of header fields. Another name could be an option of curl, or a file: `--header @file`. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Characters that a target cannot have. Marks such as `[redacted 3f9a]` have some. */
const NO_TARGET = /[^\x21\x22\x24-\x7e]/gu;

/**
 * Returns a curl command that sends a request again. Secrets are redacted by the server, so these parts are missing.
 *
 * @param {RecordedRequest} request
 * @param {string} origin Origin to which the request is sent.
 * @returns {string}
 */
export function curlCommand({ method, path, query = "", headers, body = "" }, origin) {
  const ownHost = /^https?:\/\/([^/]+)/.exec(origin)?.[1];
  const kept = headers.filter(([name, value]) => {
    const key = name.toLowerCase();
    return TOKEN.test(name) && !OMITTED.has(key) && !(key === "host" && value === ownHost);
  });
  const names = new Set(kept.map(([name]) => name.toLowerCase()));
  const removed = [...ADDED, ...(body === "" ? [] : ["content-type"])].filter((name) => !names.has(name));
  const isHead = method === "HEAD";
  const hasMethod = method !== "GET" || body !== "";
  const hasControls = isUnprintable(body.replaceAll("\n", ""));
  const lines = [
    // The URL is sent as it is: brackets are no patterns, and dot segments remain.
    `curl --globoff --path-as-is ${quoted(urlOf(path + query, origin))}`,
    ...(isHead ? ["--head"] : hasMethod ? [`--request ${quoted(method)}`] : []),
    // An empty value needs a semicolon, otherwise curl removes the field.
    ...kept.map(([name, value]) => `--header ${quoted(value === "" ? `${name};` : `${name}: ${value}`)}`),
    ...removed.map((name) => `--header ${quoted(`${name}:`)}`),
    // Not `--data`: it reads a file if the text begins with "@".
    ...(body === "" ? [] : [hasControls ? "--data-binary @-" : `--data-raw ${quoted(body)}`]),
  ];
  const command = lines.join(" \\\n  ");
  // A command substitution would remove line ends at the end of the body.
  return hasControls ? `printf ${quoted(printfFormat(body))} | ${command}` : command;
}

/**
 * Returns an absolute URL. Characters that it cannot have are percent-encoded.
 *
 * @param {string} target Path and query.
 * @param {string} origin
 * @returns {string}
 */
export function urlOf(target, origin) {
  const encoded = target.toWellFormed().replace(NO_TARGET, (character) => encodeURIComponent(character));
  return origin.replace(/\/$/, "") + encoded;
}

/**
 * Quotes a word for a POSIX shell. Control and format characters are written as digits: a terminal could obey them when
 * the command is pasted, and a reader could overlook them.
 *
 * @param {string} word
 */
function quoted(word) {
  if (!isUnprintable(word.replaceAll("\n", ""))) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `"$(printf '${printfFormat(word).replaceAll("'", `'\\''`)}')"`;
}

/**
 * Returns a format of printf for a text, with unprintable characters as octal bytes. So is a hyphen at the beginning, of
 * an option, and an exclamation mark: interactive shells expand it within double quotes.
 *
 * @param {string} text
 */
function printfFormat(text) {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("%", "%%");
  return escaped.replaceAll("!", octal).replace(/^-/, octal).replace(UNPRINTABLE, octal);
}

/** @param {string} character */
function octal(character) {
  const bytes = Array.from(new TextEncoder().encode(character));
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** @param {string} text */
function isUnprintable(text) {
  return text.search(UNPRINTABLE) !== -1;
}
