/** @import { StateView } from "../api.ts" */
/** @import { Line } from "./charts.js" */
/** @import { Series, Store } from "./store.js" */
import { Chart, chartSpanMs } from "./charts.js";
import { html, set, setText } from "./dom.js";
import { ms, percent, printable, rate } from "./format.js";
import { HEALTH_LABELS, healthOf, unavailableReason } from "./health.js";
import { healthIcon } from "./icons.js";
import { CHART_LINES, niceMax } from "./overview.js";
import { serviceKey, TOTAL } from "./store.js";

/** One row for each service: requests, success ratio, latency, and skipped requests. */
export class Services {
  #list;
  /** @type {Map<string, ReturnType<typeof row>>} */
  #rows = new Map();
  #known = "";

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /**
   * @param {Store} store
   * @param {StateView} state
   */
  update(store, state) {
    const known = JSON.stringify([state.services, state.routes]);
    if (known !== this.#known) {
      this.#known = known;
      this.#rows = new Map(state.services.map(({ name, origin }) => [name, row(name, origin, rolesOf(state, name))]));
      this.#list.replaceChildren(...[...this.#rows.values()].map(({ element }) => element));
    }
    const spanMs = chartSpanMs(store.series(TOTAL).points);
    for (const [name, parts] of this.#rows) {
      const serviceState = state.metrics.states.find(({ service }) => service === name);
      const unavailable = unavailableReason(serviceState);
      fill(parts, store.series(serviceKey(name)), { spanMs, unavailable });
    }
  }
}

/**
 * Returns the roles of a service on all routes.
 *
 * @param {StateView} state
 * @param {string} service
 * @returns {string}
 */
function rolesOf({ routes }, service) {
  const roles = routes.flatMap(({ members }) => members.filter((member) => member.service === service));
  return roles.length === 0 ? "no route" : [...new Set(roles.map(({ role }) => role))].join(", ");
}

/**
 * @param {string} name
 * @param {string} origin
 * @param {string} roles
 */
function row(name, origin, roles) {
  const icon = html("span", { class: "service-icon" });
  const health = html("span", { class: "service-health" });
  const rateCell = cell("Requests", CHART_LINES.rate);
  const successCell = cell("Success", CHART_LINES.success);
  const latencyCell = cell("Latency, p50", CHART_LINES.latency);
  const skips = html("dd", { class: "service-skips" });
  const element = html("li", { class: "service" }, [
    html("div", { class: "service-name" }, [
      html("h3", {}, [
        icon,
        html("span", { class: "truncated", title: printable(name), text: printable(name) }),
        html("span", { class: "service-roles", text: roles }),
      ]),
      html("p", { class: "service-facts truncated", title: printable(origin) }, [health, ` · ${printable(origin)}`]),
    ]),
    html("dl", { class: "service-figures" }, [
      rateCell.element,
      successCell.element,
      latencyCell.element,
      html("div", { class: "cell" }, [html("dt", { text: "Skipped" }), skips]),
    ]),
  ]);
  return { element, icon, health, rateCell, successCell, latencyCell, skips };
}

/**
 * @param {ReturnType<typeof row>} parts
 * @param {Series} series
 * @param {{ spanMs: number, unavailable: string | undefined }} options
 */
function fill(parts, { points, latest, recent }, { spanMs, unavailable }) {
  const health = unavailable === undefined ? healthOf(latest) : "failing";
  set(parts.element, { "data-health": health });
  setText(parts.health, unavailable ?? HEALTH_LABELS[health]);
  if (parts.icon.dataset.health !== health) {
    parts.icon.dataset.health = health;
    parts.icon.replaceChildren(healthIcon(health));
  }

  setText(parts.rateCell.value, rate(latest?.rate ?? 0));
  setText(parts.rateCell.note, latest === undefined ? "" : `${latest.inFlight} in flight`);
  setText(parts.successCell.value, percent(latest?.success ?? NaN));
  setText(parts.successCell.note, failureText(recent.failures));
  setText(parts.latencyCell.value, ms(latest?.p50 ?? NaN));
  setText(parts.latencyCell.note, latest === undefined ? "" : `p95 ${ms(latest.p95)}, p99 ${ms(latest.p99)}`);

  const skips = byCount(recent.skips).map(([reason, count]) => `${rate(count / recent.seconds)} ${reason}`);
  setText(parts.skips, skips.length === 0 ? "none" : skips.join("\n"));
  set(parts.skips, { "data-empty": skips.length === 0 });

  parts.rateCell.chart.update(points, { spanMs, maxValue: niceMax(points, (point) => point.rate) });
  parts.successCell.chart.update(points, { spanMs, maxValue: 1 });
  parts.latencyCell.chart.update(points, { spanMs, maxValue: Math.log1p(niceMax(points, (point) => point.p99)) });
}

/**
 * Names the two most frequent kinds of failures.
 *
 * @param {Readonly<Record<string, number>>} failures
 */
function failureText(failures) {
  const kinds = byCount(failures);
  return kinds.length === 0 ? "no failures" : kinds.map(([kind]) => kind).slice(0, 2).join(", ");
}

/**
 * Returns the entries above 0, the most frequent first.
 *
 * @param {Readonly<Record<string, number>>} counts
 */
function byCount(counts) {
  return Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
}

/**
 * @param {string} name
 * @param {readonly Line[]} lines
 */
function cell(name, lines) {
  const value = html("span", { class: "cell-value", text: "–" });
  const note = html("span", { class: "cell-note" });
  const chart = new Chart(lines);
  const element = html("div", { class: "cell" }, [
    html("dt", { text: name }),
    html("dd", {}, [html("span", { class: "cell-text" }, [value, " ", note]), chart.element]),
  ]);
  return { element, value, note, chart };
}
