/** @import { Line, ValueOf } from "./charts.js" */
/** @import { Point, Store } from "./store.js" */
import { Chart, chartSpanMs, magnifyLoss } from "./charts.js";
import { html, setText } from "./dom.js";
import { count, ms, niceCeiling, percent, rate } from "./format.js";
import { routeKey, TOTAL } from "./store.js";

/** Lines of the charts that the overview and the services share. @type {Readonly<Record<"rate" | "success" | "latency", readonly Line[]>>} */
export const CHART_LINES = {
  rate: [{ valueOf: (point) => point.rate, name: "rate", fill: "below" }],
  success: [{ valueOf: ({ success }) => magnifyLoss(success), name: "success", fill: "above" }],
  latency: [
    { valueOf: (point) => Math.log1p(point.p99), name: "p99" },
    { valueOf: (point) => Math.log1p(point.p95), name: "p95" },
    { valueOf: (point) => Math.log1p(point.p50), name: "p50" },
  ],
};

/** Main figures of all requests of clients. */
export class Overview {
  #rate = figure("Requests", CHART_LINES.rate);
  #success = figure("Success", CHART_LINES.success);
  #latency = figure("Latency, p50", CHART_LINES.latency);
  #inFlight = figure("In flight", [{ valueOf: (point) => point.inFlight, name: "rate", fill: "below" }]);

  /** @param {HTMLElement} list */
  constructor(list) {
    list.append(...[this.#rate, this.#success, this.#latency, this.#inFlight].map(({ element }) => element));
  }

  /** @param {Store} store */
  update(store) {
    const { points, latest, recent } = store.series(TOTAL);
    const spanMs = chartSpanMs(points);
    const fallbackRate = recent.seconds === 0 ? 0 : recent.fallbacks / recent.seconds;
    const unmatchedRate = store.series(routeKey("")).latest?.rate ?? 0;

    setText(this.#rate.value, rate(latest?.rate ?? 0));
    setText(this.#rate.note, unmatchedRate > 0 ? `${rate(unmatchedRate)} without a route` : "from clients");
    setText(this.#success.value, percent(latest?.success ?? NaN));
    setText(this.#success.note, fallbackRate > 0 ? `${rate(fallbackRate)} from a fallback` : "status below 500");
    setText(this.#latency.value, ms(latest?.p50 ?? NaN));
    setText(this.#latency.note, `p95 ${ms(latest?.p95 ?? NaN)}, p99 ${ms(latest?.p99 ?? NaN)}`);
    setText(this.#inFlight.value, count(latest?.inFlight ?? 0));
    setText(this.#inFlight.note, "no response yet");

    this.#rate.chart.update(points, { spanMs, maxValue: niceMax(points, (point) => point.rate) });
    this.#success.chart.update(points, { spanMs, maxValue: 1 });
    this.#latency.chart.update(points, { spanMs, maxValue: Math.log1p(niceMax(points, (point) => point.p99)) });
    this.#inFlight.chart.update(points, { spanMs, maxValue: niceMax(points, (point) => point.inFlight) });
  }
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
  const chart = new Chart(lines);
  const element = html("div", { class: "figure" }, [
    html("dt", { text: name }),
    html("dd", {}, [value, note, chart.element]),
  ]);
  return { element, value, note, chart };
}
