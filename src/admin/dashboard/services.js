/** @import { StateView } from "../api.ts" */
/** @import { Series, Store } from "./store.js" */
import { Chart, lossless, shownMs } from "./charts.js";
import { html, set, setText } from "./dom.js";
import { ms, percent, printable, rate } from "./format.js";
import { HEALTH_WORDS, healthOf, leftAlone } from "./health.js";
import { topOf } from "./overview.js";
import { serviceKey } from "./store.js";
import { signOf } from "./icons.js";

/** One row for each service: how much, how well, how fast, and what it was not sent. */
export class Services {
  #list;
  /** @type {Map<string, ReturnType<typeof row>>} */
  #rows = new Map();
  #known = "";

  /** @param {HTMLElement} list Where they go. */
  constructor(list) {
    this.#list = list;
  }

  /**
   * @param {Store} store What is known.
   * @param {StateView} state The newest state.
   */
  update(store, state) {
    const known = JSON.stringify([state.services, state.routes]);
    if (known !== this.#known) {
      this.#known = known;
      this.#rows = new Map(state.services.map(({ name, origin }) => [name, row(name, origin, rolesOf(state, name))]));
      this.#list.replaceChildren(...[...this.#rows.values()].map(({ element }) => element));
    }
    const spanMs = shownMs(store.series("total").points);
    for (const [name, parts] of this.#rows) {
      const found = state.metrics.states.find(({ service }) => service === name);
      fill(parts, store.series(serviceKey(name)), { spanMs, alone: leftAlone(found) });
    }
  }
}

/**
 * @param {StateView} state The newest state.
 * @param {string} service A service.
 * @returns {string} Its roles, each once.
 */
function rolesOf({ routes }, service) {
  const roles = routes.flatMap(({ members }) => members.filter((member) => member.service === service));
  return roles.length === 0 ? "no route" : [...new Set(roles.map(({ role }) => role))].join(", ");
}

/**
 * @param {string} name The service's name.
 * @param {string} origin Where it is.
 * @param {string} roles Its roles.
 */
function row(name, origin, roles) {
  const sign = html("span", { class: "service-sign" });
  const health = html("span", { class: "service-health" });
  const rateCell = cell("Requests", [{ read: (point) => point.rate, name: "rate", fill: "below" }]);
  const successCell = cell("Success", [{ read: lossless, name: "success", fill: "above" }]);
  const latencyCell = cell("Latency, p50", [
    { read: (point) => Math.log1p(point.p99), name: "p99" },
    { read: (point) => Math.log1p(point.p95), name: "p95" },
    { read: (point) => Math.log1p(point.p50), name: "p50" },
  ]);
  const skips = html("dd", { class: "service-skips" });
  const element = html("li", { class: "service" }, [
    html("div", { class: "service-name" }, [
      html("h3", {}, [
        sign,
        html("span", { class: "cut", title: printable(name), text: printable(name) }),
        html("span", { class: "service-roles", text: roles }),
      ]),
      html("p", { class: "service-facts cut", title: printable(origin) }, [health, ` · ${printable(origin)}`]),
    ]),
    html("dl", { class: "service-figures" }, [
      rateCell.element,
      successCell.element,
      latencyCell.element,
      html("div", { class: "cell" }, [html("dt", { text: "Not sent" }), skips]),
    ]),
  ]);
  return { element, sign, health, rateCell, successCell, latencyCell, skips };
}

/**
 * @param {ReturnType<typeof row>} parts A row.
 * @param {Series} series The service's course.
 * @param {{ spanMs: number, alone: string | undefined }} about How much of it is drawn, and why it is left alone.
 */
function fill(parts, { points, latest, recent }, { spanMs, alone }) {
  const health = alone === undefined ? healthOf(latest) : "failing";
  set(parts.element, { "data-health": health });
  setText(parts.health, alone ?? HEALTH_WORDS[health]);
  if (parts.sign.dataset.health !== health) {
    parts.sign.dataset.health = health;
    parts.sign.replaceChildren(signOf(health));
  }

  setText(parts.rateCell.value, rate(latest?.rate ?? 0));
  setText(parts.rateCell.note, latest === undefined ? "" : `${latest.inFlight} in flight`);
  setText(parts.successCell.value, percent(latest?.success ?? NaN));
  setText(parts.successCell.note, causes(recent.failures));
  setText(parts.latencyCell.value, ms(latest?.p50 ?? NaN));
  setText(parts.latencyCell.note, latest === undefined ? "" : `p95 ${ms(latest.p95)}, p99 ${ms(latest.p99)}`);

  const skipped = Object.entries(recent.skips).filter(([, times]) => times > 0).sort(([, a], [, b]) => b - a);
  const lines = skipped.map(([reason, times]) => `${rate(times / recent.seconds)} ${reason}`);
  const text = lines.length === 0 ? "nothing" : lines.join("\n");
  setText(parts.skips, text);
  set(parts.skips, { "data-none": lines.length === 0 });

  parts.rateCell.chart.update(points, { spanMs, top: topOf(points, (point) => point.rate) });
  parts.successCell.chart.update(points, { spanMs, top: 1 });
  parts.latencyCell.chart.update(points, { spanMs, top: Math.log1p(topOf(points, (point) => point.p99)) });
}

/** @param {Readonly<Record<string, number>>} failures How many, by kind. */
function causes(failures) {
  const kinds = Object.entries(failures).filter(([, times]) => times > 0).sort(([, a], [, b]) => b - a);
  return kinds.length === 0 ? "no failures" : kinds.map(([kind]) => kind).slice(0, 2).join(", ");
}

/**
 * @param {string} name What it is.
 * @param {readonly import("./charts.js").Line[]} lines Its chart.
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
