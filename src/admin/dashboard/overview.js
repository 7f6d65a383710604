/** @import { Store } from "./store.js" */
import { Chart, lossless, shownMs } from "./charts.js";
import { html, setText } from "./dom.js";
import { count, ms, niceCeiling, percent, rate } from "./format.js";
import { routeKey, TOTAL } from "./store.js";

/** The few figures to see first, of all requests together. */
export class Overview {
  #rate = figure("Requests", [{ read: (point) => point.rate, name: "rate", fill: "below" }]);
  #success = figure("Success", [{ read: lossless, name: "success", fill: "above" }]);
  #latency = figure("Latency, p50", [
    { read: (point) => Math.log1p(point.p99), name: "p99" },
    { read: (point) => Math.log1p(point.p95), name: "p95" },
    { read: (point) => Math.log1p(point.p50), name: "p50" },
  ]);
  #inFlight = figure("In flight", [{ read: (point) => point.inFlight, name: "rate", fill: "below" }]);

  /** @param {HTMLElement} list Where it goes. */
  constructor(list) {
    list.append(...[this.#rate, this.#success, this.#latency, this.#inFlight].map(({ element }) => element));
  }

  /** @param {Store} store What is known. */
  update(store) {
    const { points, latest, recent } = store.series(TOTAL);
    const spanMs = shownMs(points);
    const fallbacks = recent.seconds === 0 ? 0 : recent.fallbacks / recent.seconds;
    const unmatched = store.series(routeKey("")).latest?.rate ?? 0;

    setText(this.#rate.value, rate(latest?.rate ?? 0));
    setText(this.#rate.note, unmatched > 0 ? `${rate(unmatched)} without a route` : "from clients");
    setText(this.#success.value, percent(latest?.success ?? NaN));
    setText(this.#success.note, fallbacks > 0 ? `${rate(fallbacks)} by a fallback` : "answers below 500");
    setText(this.#latency.value, ms(latest?.p50 ?? NaN));
    setText(this.#latency.note, `p95 ${ms(latest?.p95 ?? NaN)}, p99 ${ms(latest?.p99 ?? NaN)}`);
    setText(this.#inFlight.value, count(latest?.inFlight ?? 0));
    setText(this.#inFlight.note, "not answered yet");

    this.#rate.chart.update(points, { spanMs, top: topOf(points, (point) => point.rate) });
    this.#success.chart.update(points, { spanMs, top: 1 });
    this.#latency.chart.update(points, { spanMs, top: Math.log1p(topOf(points, (point) => point.p99)) });
    this.#inFlight.chart.update(points, { spanMs, top: topOf(points, (point) => point.inFlight) });
  }
}

/**
 * Finds a good upper end for a chart.
 *
 * @param {readonly import("./store.js").Point[]} points The course.
 * @param {import("./charts.js").Read} read What is drawn of it.
 * @returns {number} A round number that is not exceeded.
 */
export function topOf(points, read) {
  return niceCeiling(points.reduce((top, point) => Math.max(top, read(point) || 0), 0));
}

/**
 * @param {string} name What it is.
 * @param {readonly import("./charts.js").Line[]} lines Its chart.
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
