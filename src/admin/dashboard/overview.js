/** @import { Line, ValueOf } from "./charts.js" */
/** @import { Point, Store } from "./store.js" */
import { Chart, chartSpanMs, magnifyLoss } from "./charts.js";
import { html, setText } from "./dom.js";
import { count, ms, niceCeiling, percent, rate } from "./format.js";
import { routeKey, TOTAL } from "./store.js";

/** Lines of the charts that the overview, services and routes share. @type {Readonly<Record<"rate" | "success" | "latency", readonly Line[]>>} */
export const CHART_LINES = {
  rate: [{ valueOf: (point) => point.rate, name: "rate", text: (point) => rate(point.rate), fill: "below" }],
  success: [{
    valueOf: ({ success }) => magnifyLoss(success),
    name: "success",
    text: ({ success }) => `${percent(success)} successful`,
    fill: "above",
  }],
  latency: [
    { valueOf: (point) => Math.log1p(point.p99), name: "p99", text: ({ p99 }) => `p99 ${ms(p99)}` },
    { valueOf: (point) => Math.log1p(point.p95), name: "p95", text: ({ p95 }) => `p95 ${ms(p95)}` },
    { valueOf: (point) => Math.log1p(point.p50), name: "p50", text: ({ p50 }) => `p50 ${ms(p50)}` },
  ],
};

/** @type {readonly Line[]} */
const IN_FLIGHT_LINES = [{
  valueOf: (point) => point.inFlight,
  name: "rate",
  text: (point) => `${count(point.inFlight)} in flight`,
  fill: "below",
}];

/** Main figures of all requests of clients. */
export class Overview {
  #rate = figure("Requests", CHART_LINES.rate);
  #success = figure("Success", CHART_LINES.success);
  #latency = figure("Latency, p50", CHART_LINES.latency);
  #inFlight = figure("In flight", IN_FLIGHT_LINES);
  #p95 = html("span");
  #p99 = html("span");

  /** @param {HTMLElement} list */
  constructor(list) {
    for (const [name, value] of /** @type {const} */ ([["p95", this.#p95], ["p99", this.#p99]])) {
      this.#latency.note.append(html("span", { class: "legend-item" }, [lineKey(name), value]), " ");
    }
    list.append(...[this.#rate, this.#success, this.#latency, this.#inFlight].map(({ element }) => element));
  }

  /** @param {Store} store */
  update(store) {
    const { points, latest, recent } = store.series(TOTAL);
    const total = store.total(TOTAL);
    const spanMs = chartSpanMs(points);
    const fallbackRate = recent.seconds === 0 ? 0 : recent.fallbacks / recent.seconds;
    const unmatchedRate = store.series(routeKey("")).latest?.rate ?? 0;
    const failed = total.total - total.succeeded;

    setText(this.#rate.value, rate(latest?.rate ?? 0));
    const unmatched = unmatchedRate > 0 ? `, ${rate(unmatchedRate)} without a route` : "";
    setText(this.#rate.note, `${count(total.total)} since start${unmatched}`);
    setText(this.#success.value, percent(latest?.success ?? NaN));
    const fallbacks = fallbackRate > 0 ? `, ${rate(fallbackRate)} fallback` : "";
    setText(this.#success.note, `${count(failed)} failed since start${fallbacks}`);
    setText(this.#latency.value, ms(latest?.p50 ?? NaN));
    setText(this.#p95, `p95 ${ms(latest?.p95 ?? NaN)}`);
    setText(this.#p99, `p99 ${ms(latest?.p99 ?? NaN)}`);
    setText(this.#inFlight.value, count(latest?.inFlight ?? 0));
    setText(this.#inFlight.note, "without a response yet");

    updateChart(this.#rate.chart, points, { spanMs, kind: "rate" });
    updateChart(this.#success.chart, points, { spanMs, kind: "success" });
    updateChart(this.#latency.chart, points, { spanMs, kind: "latency" });
    const maxInFlight = niceMax(points, (point) => point.inFlight);
    this.#inFlight.chart.update(points, { spanMs, maxValue: maxInFlight, scaleText: count(maxInFlight) });
  }
}

/**
 * Draws a chart with the scale of its kind.
 *
 * @param {Chart} chart
 * @param {readonly Point[]} points
 * @param {{ spanMs: number, kind: keyof typeof CHART_LINES }} options
 */
export function updateChart(chart, points, { spanMs, kind }) {
  if (kind === "success") return chart.update(points, { spanMs, maxValue: 1, scaleText: percent(1) });
  const max = niceMax(points, kind === "rate" ? (point) => point.rate : (point) => point.p99);
  if (kind === "rate") return chart.update(points, { spanMs, maxValue: max, scaleText: rate(max) });
  chart.update(points, { spanMs, maxValue: Math.log1p(max), scaleText: ms(max) });
}

/**
 * Returns the legend of a line: a piece of it.
 *
 * @param {string} name Class of the line.
 * @returns {HTMLElement}
 */
export function lineKey(name) {
  return html("span", { class: `line-key ${name}`, "aria-hidden": "true" });
}

/**
 * Returns a round number above all values, as the upper end of a chart.
 *
 * @param {readonly Point[]} points
 * @param {ValueOf} valueOf
 * @returns {number}
 */
export function niceMax(points, valueOf) {
  return niceCeiling(points.reduce((max, point) => Math.max(max, valueOf(point) || 0), 0));
}

/**
 * @param {string} name
 * @param {readonly Line[]} lines
 */
function figure(name, lines) {
  const value = html("span", { class: "figure-value", text: "–" });
  const note = html("span", { class: "figure-note" });
  const chart = new Chart(lines, { label: `${name}, chart`, hasScale: true });
  const element = html("div", { class: "figure" }, [
    html("dt", { text: name }),
    html("dd", {}, [value, chart.element, note]),
  ]);
  return { element, value, note, chart };
}
