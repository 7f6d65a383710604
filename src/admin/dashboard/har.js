/** @import { HeaderLine } from "../../config/config.ts" */
import { urlOf } from "./curl.js";

/** Requests as HTTP Archive 1.2, which browsers and API clients import. */

/** Version of the contents of these archives. */
const VERSION = "1";

/** @typedef {object} RecordedRequest A recorded request, without its secrets.
 * @property {string} method
 * @property {string} path
 * @property {string} [query] Query with its question mark. Absent: not recorded, or there is none.
 * @property {readonly HeaderLine[]} headers
 * @property {string} [body] Absent: not recorded, or there is none.
 */

/** @typedef {object} RecordedExchange A recorded request with facts about its exchange.
 * @property {RecordedRequest} request
 * @property {string} requestId
 * @property {number} [timeMs] Time of the request in milliseconds since 1970. Absent: not recorded.
 * @property {number} [status] Status of the response. Absent: not recorded.
 * @property {readonly HeaderLine[]} [responseHeaders]
 * @property {number} [durationMs]
 */

/**
 * Returns an archive with one entry. A part of the response that was not recorded is empty, and its status is 0.
 *
 * @param {RecordedExchange} exchange
 * @param {string} origin Origin to which the request is sent.
 * @returns {string} JSON.
 */
export function harOf(exchange, origin) {
  const { request, requestId, timeMs = 0, status = 0, responseHeaders = [], durationMs = 0 } = exchange;
  const { method, path, query = "", headers, body = "" } = request;
  const log = {
    version: "1.2",
    creator: { name: "conductor", version: VERSION },
    entries: [{
      startedDateTime: new Date(timeMs).toISOString(),
      time: durationMs,
      request: {
        method,
        url: urlOf(path + query, origin),
        httpVersion: "HTTP/1.1",
        cookies: [],
        headers: pairsOf(headers),
        queryString: parametersOf(query),
        ...(body !== "" && { postData: { mimeType: valueOf(headers, "content-type"), text: body, params: [] } }),
        headersSize: -1,
        bodySize: new TextEncoder().encode(body).length,
      },
      response: {
        status,
        statusText: "",
        httpVersion: "HTTP/1.1",
        cookies: [],
        headers: pairsOf(responseHeaders),
        content: { size: 0, mimeType: valueOf(responseHeaders, "content-type") },
        redirectURL: valueOf(responseHeaders, "location"),
        headersSize: -1,
        bodySize: -1,
      },
      cache: {},
      timings: { send: 0, wait: durationMs, receive: 0 },
      comment: `Request id ${requestId}. Secrets are redacted.`,
    }],
  };
  return JSON.stringify({ log }, null, 2);
}

/** @param {readonly HeaderLine[]} headers Lines; `…` stands for lines that were left out. */
function pairsOf(headers) {
  return headers.filter(([name]) => name !== "…").map(pairOf);
}

/** @param {HeaderLine} line */
function pairOf([name, value]) {
  return { name, value };
}

/**
 * @param {readonly HeaderLine[]} headers
 * @param {string} name In lower case.
 */
function valueOf(headers, name) {
  return headers.find((line) => line[0].toLowerCase() === name)?.[1] ?? "";
}

/** @param {string} query */
function parametersOf(query) {
  return Array.from(new URLSearchParams(query), pairOf);
}
