/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */
import { html, set } from "./dom.js";
import { ms, printable } from "./format.js";
import { attemptCause, attemptDescription, attemptLabel, attemptState } from "./labels.js";

/** The timeline of an exchange: one bar for each service. Several timelines can share an axis. */

/**
 * Returns the timeline of an exchange. {@linkcode scaleTimeline} sets the lengths of its bars.
 *
 * @param {ExchangeRecord} exchange
 * @returns {HTMLUListElement}
 */
export function timelineOf({ attempts, durationMs }) {
  const selection = html("li", { class: "selection", "aria-hidden": "true" }, [
    html("span", { class: "selection-line" }),
  ]);
  selection.dataset.atMs = String(durationMs);
  return html("ul", { class: "timeline" }, [...attempts.map(attemptRow), selection]);
}

/**
 * Scales the bars of a timeline to an axis. Longer bars are truncated, and marked as such.
 *
 * @param {Element} timeline
 * @param {number} maxMs End of the axis.
 */
export function scaleTimeline(timeline, maxMs) {
  for (const bar of timeline.querySelectorAll(".attempt-bar")) {
    if (!(bar instanceof HTMLElement)) continue;
    const startMs = Number(bar.dataset.startMs);
    const endMs = bar.dataset.endMs === undefined ? maxMs : Number(bar.dataset.endMs);
    const left = Math.min(0.985, startMs / maxMs);
    bar.style.left = `${left * 100}%`;
    bar.style.width = `${Math.max(0, Math.min(1, endMs / maxMs) - left) * 100}%`;
    set(bar, { "data-truncated": endMs > maxMs || bar.dataset.endMs === undefined });
  }
  const selection = timeline.querySelector(".selection");
  const line = timeline.querySelector(".selection-line");
  if (selection instanceof HTMLElement && line instanceof HTMLElement) {
    const at = Number(selection.dataset.atMs) / maxMs;
    line.hidden = at > 1;
    line.style.left = `${Math.min(1, at) * 100}%`;
  }
}

/** @param {AttemptRecord} attempt */
function attemptRow(attempt) {
  const { service, role, startMs, endMs, hedge, selected } = attempt;
  const name = printable(service);
  const cause = attemptCause(attempt);
  const track = html("span", { class: "attempt-track", "aria-hidden": "true" });
  if (startMs !== undefined) {
    const bar = html("span", { class: "attempt-bar" });
    bar.dataset.startMs = String(startMs);
    if (endMs !== undefined) bar.dataset.endMs = String(endMs);
    track.append(bar);
  }
  const duration = startMs === undefined || endMs === undefined ? "" : ms(endMs - startMs);
  const description = [
    `${name}, ${role}, ${attemptDescription(attempt)}`,
    duration === "" ? "" : ` after ${duration}`,
    hedge ? ", a hedge" : "",
    selected ? ", selected" : "",
    cause === "" ? "" : `: ${cause}`,
  ].join("");
  const attributes = {
    class: "attempt",
    "data-state": attemptState(attempt),
    "data-role": role,
    "data-selected": selected,
    title: description,
  };
  return html("li", attributes, [
    html("span", { class: "visually-hidden", text: description }),
    html("span", { class: "attempt-name", "aria-hidden": "true" }, [
      html("span", { class: "truncated", text: name }),
      ...(role === "primary" ? [] : [html("span", { class: "attempt-role", text: role })]),
    ]),
    track,
    html("span", { class: "attempt-outcome", "aria-hidden": "true" }, [
      html("span", { class: "attempt-label", text: hedge ? `${attemptLabel(attempt)} hedge` : attemptLabel(attempt) }),
      html("span", { class: "attempt-duration", text: duration }),
    ]),
  ]);
}
