/** @import { HeaderLine } from "../../config/config.ts" */
/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
import { html } from "./dom.js";
import { clock, ms, niceCeiling, printable } from "./format.js";
import { endOf, lanesOf, scaleLanes } from "./timeline.js";
import { ticksOf } from "./waterfall.js";
import { answeredBy, attemptSentence, attemptState } from "./labels.js";

/**
 * Shows one exchange with its header lines.
 *
 * @param {HTMLDialogElement} dialog Where it is shown.
 * @param {ExchangeRecord} exchange The exchange.
 */
export function showDetail(dialog, exchange) {
  const close = html("button", { type: "button", class: "button", text: "Close" });
  close.addEventListener("click", () => dialog.close());
  // The dialog's content fills it: a click on the dialog itself was beside it.
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  const maxMs = niceCeiling(endOf(exchange));
  const lanes = lanesOf(exchange);
  scaleLanes(lanes, maxMs);
  dialog.replaceChildren(html("div", { class: "detail-page" }, [
    html("div", { class: "detail-head" }, [
      html("h2", { id: "detail-title" }, [
        html("span", { class: "method", text: printable(exchange.method) }),
        " ",
        html("span", { class: "path", text: printable(exchange.path) }),
      ]),
      close,
    ]),
    facts([
      [
        "Answer",
        `${exchange.status} ${answeredBy(exchange, printable(exchange.service ?? ""))}, decided after ${
          ms(exchange.durationMs)
        }`,
      ],
      ...(exchange.interrupted === undefined ? [] : [/** @type {const} */ (["Broken off", exchange.interrupted])]),
      ["Route", exchange.route === "" ? "none matched" : printable(exchange.route)],
      ["Arrived", clock(exchange.timeMs)],
      ["Request id", printable(exchange.requestId)],
    ]),
    ...(exchange.attempts.length === 0
      ? []
      : [html("div", { class: "axis", "aria-hidden": "true" }, [ticksOf(maxMs)]), lanes]),
    html("h3", { text: "Request" }),
    lines(exchange.headers, "The request has no header lines."),
    ...exchange.attempts.flatMap((attempt) => [
      html("h3", { class: "detail-service", "data-state": attemptState(attempt) }, [
        html("span", { text: printable(attempt.service) }),
        html("span", { class: "lane-role", text: attempt.hedge ? `${attempt.role}, hedge` : attempt.role }),
      ]),
      html("p", { class: "detail-sentence", text: `${capital(attemptSentence(attempt))}.` }),
      ...(attempt.headers === undefined ? [] : [lines(attempt.headers, "The response has no header lines.")]),
    ]),
    html("p", {
      class: "aside",
      text: "Secrets in header lines are taken out before they reach this page; queries and bodies never do.",
    }),
  ]));
  dialog.showModal();
  dialog.scrollTop = 0;
}

/** @param {readonly (readonly [name: string, value: string])[]} pairs What is said about an exchange. */
function facts(pairs) {
  return html(
    "dl",
    { class: "facts" },
    pairs.flatMap(([name, value]) => [
      html("dt", { text: name }),
      html("dd", { text: value }),
    ]),
  );
}

/**
 * @param {readonly HeaderLine[]} headers Header lines.
 * @param {string} none What is said where there are none.
 */
function lines(headers, none) {
  if (headers.length === 0) return html("p", { class: "aside", text: none });
  return html(
    "dl",
    { class: "headers" },
    headers.map(([name, value]) =>
      html("div", {}, [
        html("dt", { text: printable(name) }),
        html("dd", { text: printable(value) }),
      ])
    ),
  );
}

/** @param {string} text A sentence. */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
