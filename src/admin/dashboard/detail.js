/** @import { HeaderLine } from "../../config/config.ts" */
/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */
import { copyButton } from "./copy_button.js";
import { curlCommand } from "./curl.js";
import { html } from "./dom.js";
import { clock, ms, niceCeiling, printable } from "./format.js";
import { attemptDescription, attemptState, exchangeOutcome, failureCauses, responseSource } from "./labels.js";
import { scaleTimeline, timelineOf } from "./timeline.js";
import { axisTicks } from "./waterfall.js";

/**
 * Shows an exchange with its timeline, the causes of its failed attempts, and its header lines.
 *
 * @param {HTMLDialogElement} dialog
 * @param {ExchangeRecord} exchange
 * @param {{ link: string, origin: string }} urls URL of the exchange on this page, and the origin of conductor for clients.
 */
export function showDetail(dialog, exchange, { link, origin }) {
  const { method, path, status, service = "", durationMs, interrupted, route, timeMs, requestId, attempts } = exchange;
  const close = html("button", { type: "button", class: "button", text: "Close" });
  close.addEventListener("click", () => dialog.close());
  // The content fills the dialog, so a click on the dialog itself is a click on its backdrop.
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  const maxMs = niceCeiling(durationMs);
  const timeline = timelineOf(exchange);
  scaleTimeline(timeline, maxMs);
  const response = `${status} ${responseSource(exchange, printable(service))}, selected after ${ms(durationMs)}`;
  dialog.replaceChildren(html("div", { class: "detail-page", "data-outcome": exchangeOutcome(exchange) }, [
    html("div", { class: "detail-head" }, [
      html("h2", { id: "detail-title" }, [
        html("span", { class: "method", text: printable(method) }),
        " ",
        html("span", { class: "path", text: printable(path) }),
      ]),
      close,
    ]),
    facts([
      ["Response", response],
      ...failureCauses(exchange).map((cause) => /** @type {const} */ (["Cause", cause])),
      ...(interrupted === undefined ? [] : [/** @type {const} */ (["Interrupted", interrupted])]),
      ["Route", route === "" ? "no match" : printable(route)],
      ["Arrival", clock(timeMs)],
      ["Request id", printable(requestId)],
    ]),
    html("div", { class: "detail-copies" }, [
      copyButton("Copy link", () => link),
      copyButton("Copy as curl", () => curlCommand(exchange, origin)),
    ]),
    ...(attempts.length === 0
      ? []
      : [html("div", { class: "axis", "aria-hidden": "true" }, [axisTicks(maxMs)]), timeline]),
    html("h3", { text: "Request" }),
    headerList(exchange.headers, "The request has no header lines."),
    ...attempts.flatMap((attempt) => [
      html("h3", { class: "detail-service", "data-state": attemptState(attempt) }, [
        html("span", { text: printable(attempt.service) }),
        html("span", { class: "attempt-role", text: attempt.hedge ? `${attempt.role}, hedge` : attempt.role }),
      ]),
      html("p", { class: "detail-outcome", text: `${capitalize(attemptDescription(attempt))}.` }),
      causeFacts(attempt),
      ...(attempt.headers === undefined ? [] : [headerList(attempt.headers, "The response has no header lines.")]),
    ]),
    html("p", {
      class: "aside",
      text: "Secrets in header lines are redacted by the server. Queries and bodies are not recorded.",
    }),
  ]));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

/** @param {AttemptRecord} attempt */
function causeFacts({ cause, error, address }) {
  return facts(
    [["Cause", cause], ["Error", error], ["Address", address]].flatMap(([name = "", text]) =>
      text === undefined ? [] : [/** @type {const} */ ([name, printable(text)])]
    ),
  );
}

/** @param {readonly (readonly [name: string, value: string])[]} pairs */
function facts(pairs) {
  return html(
    "dl",
    { class: "facts" },
    pairs.flatMap(([name, value]) => [html("dt", { text: name }), html("dd", { text: value })]),
  );
}

/**
 * @param {readonly HeaderLine[]} headers
 * @param {string} emptyText
 */
function headerList(headers, emptyText) {
  if (headers.length === 0) return html("p", { class: "aside", text: emptyText });
  return html(
    "dl",
    { class: "headers" },
    headers.map(([name, value]) =>
      html("div", {}, [html("dt", { text: printable(name) }), html("dd", { text: printable(value) })])
    ),
  );
}

/** @param {string} text */
function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
