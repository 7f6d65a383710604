/** @import { RequestSample } from "../../compare/report.ts" */
import { copyButton } from "./copy_button.js";
import { curlCommand } from "./curl.js";
import { html } from "./dom.js";
import { count, printable } from "./format.js";
import { harOf } from "./har.js";

/**
 * Returns a fold with the request of a sample, and buttons that copy it. It is empty if the sample has no request.
 *
 * @param {{ method: string, requestId: string, timeMs?: number, request?: RequestSample }} sample
 * @returns {HTMLElement[]}
 */
export function requestDetails({ method, requestId, timeMs, request }) {
  if (request === undefined) return [];
  const { origin, target, headers, body, bodyBytes } = request;
  const sent = { method, path: target, headers, ...(body !== undefined && { body }) };
  const exchange = { request: sent, requestId, ...(timeMs !== undefined && { timeMs }) };
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  const head = [`${method} ${target}`, ...lines].map(printable).join("\n");
  // Line ends of a body stay visible as such.
  const shown = body?.split("\n").map(printable).join("\n");
  return [
    html("details", { class: "bodies request" }, [
      html("summary", { text: "Request" }),
      html("pre", {
        tabindex: 0,
        // Not a region: a page has many of them with the same name.
        role: "group",
        "aria-label": "Request",
        text: shown === undefined ? head : `${head}\n\n${shown}`,
      }),
      ...(bodyBytes === undefined ? [] : [html("p", { class: "aside", text: lossOf(bodyBytes, body) })]),
      html("div", { class: "request-copies" }, [
        copyButton("Copy as curl", () => curlCommand(sent, origin)),
        copyButton("Copy as HAR", () => harOf(exchange, origin)),
      ]),
    ]),
  ];
}

/**
 * @param {number} bodyBytes
 * @param {string | undefined} body
 */
function lossOf(bodyBytes, body) {
  const size = `${count(bodyBytes)} bytes`;
  return body === undefined
    ? `The body of ${size} was not kept.`
    : `Only the beginning of the body of ${size} was kept.`;
}
