/** @import { Percentiles } from "../../lib/latency_counts.ts" */
/** @import { ListListener } from "./subject_list.js" */
/** @import { Subject } from "./subjects.js" */
import { Chart } from "./charts.js";
import { html, set, setText } from "./dom.js";
import { clock, count, ms, percent, printable, rate } from "./format.js";
import { byCount } from "./health.js";
import { CHART_LINES, lineKey, updateChart } from "./overview.js";
import { causeOf } from "./subjects.js";

/** Details of a service or a route below its row: larger charts, counts since the start, and the last failure. */

/** Maximum number of members that are listed. */
const MAX_MEMBERS = 12;

/** The open part of a row. */
export class SubjectDetail {
  #rate = new Chart(CHART_LINES.rate, { label: "Requests, chart", hasScale: true });
  #success = new Chart(CHART_LINES.success, { label: "Success, chart", hasScale: true });
  #latency = new Chart(CHART_LINES.latency, { label: "Latency, chart", hasScale: true });
  #facts = html("dl", { class: "subject-facts" });
  #members = html("ul", { class: "members" });
  #failureTime = html("button", { type: "button", class: "link" });
  #failureText = html("span");
  #failure;
  /** @type {string | undefined} Request id of the last failure. */
  #failureId;

  /**
   * @param {HTMLElement} element
   * @param {Subject} subject
   * @param {ListListener} listener
   */
  constructor(element, subject, { onChoice, onExchange }) {
    const exchanges = html("button", { type: "button", class: "button", text: "Show its exchanges" });
    exchanges.addEventListener("click", () => onChoice(subject.kind, subject.name));
    this.#failureTime.addEventListener("click", () => onExchange(this.#failureId ?? ""));
    this.#failure = html("p", { class: "subject-failure", hidden: "" }, [
      "Last recorded failure at ",
      this.#failureTime,
      ": ",
      this.#failureText,
    ]);
    element.replaceChildren(
      html("div", { class: "subject-charts" }, [
        chartBox("Requests per second", [], this.#rate),
        chartBox("Success", [], this.#success),
        chartBox("Latency", ["p50", "p95", "p99"], this.#latency),
      ]),
      this.#failure,
      html("div", { class: "subject-columns" }, [
        html("div", {}, [html("h3", { text: "Since start" }), this.#facts]),
        html("div", {}, [html("h3", { text: subject.kind === "service" ? "Routes" : "Services" }), this.#members]),
      ]),
      exchanges,
    );
  }

  /**
   * @param {Subject} subject
   * @param {number} spanMs
   */
  update({ series, total, sinceStart, members, lastFailure, origin }, spanMs) {
    updateChart(this.#rate, series.points, { spanMs, kind: "rate" });
    updateChart(this.#success, series.points, { spanMs, kind: "success" });
    updateChart(this.#latency, series.points, { spanMs, kind: "latency" });
    this.#failure.hidden = lastFailure === undefined;
    if (lastFailure !== undefined) {
      const { attempt, exchange } = lastFailure;
      this.#failureId = exchange.requestId;
      setText(this.#failureTime, clock(exchange.timeMs).slice(0, 8));
      const cause = causeOf(attempt);
      const others = [attempt.address, attempt.error].map((text) => printable(text ?? "")).filter((text) =>
        text !== "" && !cause.includes(text)
      );
      setText(this.#failureText, others.length === 0 ? cause : `${cause} (${others.join(", ")})`);
    }
    setFacts(this.#facts, [
      ...(origin === "" ? [] : [/** @type {const} */ (["Origin", origin])]),
      ["Requests", count(total.total)],
      ["Succeeded", count(total.succeeded)],
      ...byCount(total.failures).map(([kind, number]) => /** @type {const} */ ([`Failed: ${kind}`, count(number)])),
      ...(total.aborted > 0 ? [/** @type {const} */ (["Aborted", count(total.aborted)])] : []),
      ...byCount(total.skips).map(([reason, number]) => /** @type {const} */ ([`Skipped: ${reason}`, count(number)])),
      ...(total.fallbacks > 0 ? [/** @type {const} */ (["From a fallback", count(total.fallbacks)])] : []),
      ...(sinceStart === undefined ? [] : [/** @type {const} */ (["Latency", latencyText(sinceStart)])]),
      ["In flight", count(series.latest?.inFlight ?? 0)],
    ]);
    const lines = members.slice(0, MAX_MEMBERS).map(({ label, role, series: { latest } }) =>
      `${label} · ${role} · ${rate(latest?.rate ?? 0)} · ${percent(latest?.success ?? NaN)} · p95 ${
        ms(latest?.p95 ?? NaN)
      }`
    );
    if (members.length > MAX_MEMBERS) lines.push(`${count(members.length - MAX_MEMBERS)} more`);
    setLines(this.#members, lines);
  }
}

/** @param {Percentiles} percentiles */
function latencyText({ p50Ms, p95Ms, p99Ms, maxMs }) {
  const [p50, p95, p99, max] = [p50Ms, p95Ms, p99Ms, maxMs].map((value) => ms(value ?? NaN));
  return `p50 ${p50}, p95 ${p95}, p99 ${p99}, maximum ${max}`;
}

/**
 * @param {string} title
 * @param {readonly string[]} names Classes of the lines, for a chart with several.
 * @param {Chart} chart
 */
function chartBox(title, names, chart) {
  const keys = names.flatMap((name) => [lineKey(name), html("span", { text: name })]);
  return html("div", { class: "chart-box" }, [
    html("p", { class: "chart-title" }, [html("span", { text: title }), ...keys]),
    chart.element,
  ]);
}

/**
 * @param {HTMLElement} list
 * @param {readonly (readonly [name: string, value: string])[]} facts
 */
function setFacts(list, facts) {
  const names = facts.map(([name]) => name).join("\n");
  if (list.dataset.names !== names) {
    set(list, { "data-names": names });
    list.replaceChildren(...facts.map(([name]) => html("div", {}, [html("dt", { text: name }), html("dd")])));
  }
  facts.forEach(([, value], index) => setText(/** @type {Element} */ (list.children[index]?.lastElementChild), value));
}

/**
 * @param {HTMLElement} list
 * @param {readonly string[]} lines
 */
function setLines(list, lines) {
  if (list.childElementCount !== lines.length) list.replaceChildren(...lines.map(() => html("li")));
  lines.forEach((line, index) => setText(/** @type {Element} */ (list.children[index]), line));
}
