/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */
import { html, set } from "./dom.js";
import { ms, printable } from "./format.js";
import { attemptSentence, attemptState, attemptWord } from "./labels.js";

/** The bars of one exchange: one for each service, on an axis that others may share. */

/**
 * Draws the bars of an exchange.
 *
 * @param {ExchangeRecord} exchange The exchange.
 * @returns {HTMLUListElement} The bars; {@linkcode scaleLanes} gives them their length.
 */
export function lanesOf(exchange) {
  const decided = html("li", { class: "decided", "aria-hidden": "true" }, [html("span", { class: "decided-line" })]);
  decided.dataset.atMs = String(exchange.durationMs);
  return html("ul", { class: "lanes" }, [...exchange.attempts.map(lane), decided]);
}

/**
 * Says when the last of an exchange's bars ends.
 *
 * @param {ExchangeRecord} exchange The exchange.
 * @returns {number} Milliseconds after its arrival.
 */
export function endOf({ attempts, durationMs }) {
  return attempts.reduce((end, { endMs = 0 }) => Math.max(end, endMs), durationMs);
}

/**
 * Lays bars along an axis. What is longer is cut, and shows that.
 *
 * @param {Element} lanes What {@linkcode lanesOf} returned.
 * @param {number} maxMs Where the axis ends, in milliseconds.
 */
export function scaleLanes(lanes, maxMs) {
  for (const bar of lanes.querySelectorAll(".lane-bar")) {
    if (!(bar instanceof HTMLElement)) continue;
    const start = Number(bar.dataset.startMs);
    const end = bar.dataset.endMs === undefined ? maxMs : Number(bar.dataset.endMs);
    const left = Math.min(0.985, start / maxMs);
    bar.style.left = `${left * 100}%`;
    bar.style.width = `${Math.max(0, Math.min(1, end / maxMs) - left) * 100}%`;
    set(bar, { "data-cut": end > maxMs || bar.dataset.endMs === undefined });
  }
  const decided = lanes.querySelector(".decided");
  const mark = lanes.querySelector(".decided-line");
  if (decided instanceof HTMLElement && mark instanceof HTMLElement) {
    const at = Number(decided.dataset.atMs) / maxMs;
    mark.hidden = at > 1;
    mark.style.left = `${Math.min(1, at) * 100}%`;
  }
}

/** @param {AttemptRecord} attempt One service's part. */
function lane(attempt) {
  const name = printable(attempt.service);
  const state = attemptState(attempt);
  const track = html("span", { class: "lane-track", "aria-hidden": "true" });
  if (attempt.startMs !== undefined) {
    const bar = html("span", { class: "lane-bar" });
    bar.dataset.startMs = String(attempt.startMs);
    if (attempt.endMs !== undefined) bar.dataset.endMs = String(attempt.endMs);
    track.append(bar);
  }
  const took = attempt.startMs === undefined || attempt.endMs === undefined ? NaN : attempt.endMs - attempt.startMs;
  const time = Number.isNaN(took) ? "" : ms(took);
  const sentence = [
    `${name}, ${attempt.role}, ${attemptSentence(attempt)}`,
    time === "" ? "" : ` after ${time}`,
    attempt.hedge ? ", a hedge" : "",
    attempt.selected ? ", the answer" : "",
  ].join("");
  return html(
    "li",
    {
      class: "lane",
      "data-state": state,
      "data-role": attempt.role,
      "data-selected": attempt.selected,
      title: sentence,
    },
    [
      html("span", { class: "visually-hidden", text: sentence }),
      html("span", { class: "lane-name", "aria-hidden": "true" }, [
        html("span", { class: "cut", text: name }),
        ...(attempt.role === "primary" ? [] : [html("span", { class: "lane-role", text: attempt.role })]),
      ]),
      track,
      html("span", { class: "lane-word", "aria-hidden": "true" }, [
        html("span", {
          class: "lane-status",
          text: attempt.hedge ? `${attemptWord(attempt)} hedge` : attemptWord(attempt),
        }),
        html("span", { class: "lane-time", text: time }),
      ]),
    ],
  );
}
