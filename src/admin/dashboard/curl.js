/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */

/** The request of an exchange as a command for a POSIX shell. */

/** Header fields that curl sets itself, or that describe a body that is not recorded. */
const OMITTED = new Set(["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding"]);

/**
 * Returns a curl command that repeats the request of an exchange. Queries and bodies are not recorded, and secrets are
 * redacted, so that these parts are missing.
 *
 * @param {Pick<ExchangeRecord, "method" | "path" | "headers">} exchange
 * @param {string} origin Origin of conductor for clients.
 * @returns {string}
 */
export function curlCommand({ method, path, headers }, origin) {
  const ownHost = /^https?:\/\/([^/]+)/.exec(origin)?.[1];
  const kept = headers.filter(([name, value]) => {
    const key = name.toLowerCase();
    return name !== "…" && !OMITTED.has(key) && !(key === "host" && value === ownHost);
  });
  const methodOption = method === "GET" ? [] : method === "HEAD" ? ["--head"] : [`--request ${quoted(method)}`];
  return [
    // The path is sent as it is: brackets are no patterns, and dot segments remain.
    `curl --globoff --path-as-is ${quoted(origin.replace(/\/$/, "") + path)}`,
    ...methodOption,
    // An empty value needs a semicolon, otherwise curl removes the field.
    ...kept.map(([name, value]) => `--header ${quoted(value === "" ? `${name};` : `${name}: ${value}`)}`),
  ].join(" \\\n  ");
}

/**
 * Quotes a word for a POSIX shell.
 *
 * @param {string} word
 */
function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
