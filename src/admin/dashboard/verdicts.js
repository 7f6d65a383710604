/** @import { ReportThresholds, ServiceReport, Verdict } from "../../compare/report.ts" */
import { magnifyLoss } from "./charts.js";
import { html, set, setText } from "./dom.js";
import { count, finePercent, ms, patternParts, printable } from "./format.js";
import { verdictIcon } from "./icons.js";
import { KeyedList } from "./keyed_list.js";

/** Verdicts on the compared services, with their reasons and with figures of the service and of the primary. */

/** Labels of the verdicts. @type {Readonly<Record<Verdict, string>>} */
export const VERDICT_LABELS = {
  "ready": "Ready",
  "not-ready": "Not ready",
  "not-enough-traffic": "Not enough traffic",
};

/** Formats a latency. Without responses, all quantiles are 0. @param {number} value */
function latency(value) {
  return ms(value === 0 ? NaN : value);
}

/** @typedef {{ name: string, valuesOf: (report: ServiceReport) => { primary: number, service: number }, format: (value: number) => string }} Quantity */

/** Quantities of the service and of the primary. @type {readonly Quantity[]} */
const QUANTITIES = [
  { name: "Errors", valuesOf: ({ errorRate }) => errorRate, format: finePercent },
  ...(/** @type {const} */ (["p50", "p95", "p99"])).map((name) => ({
    name,
    valuesOf: (/** @type {ServiceReport} */ { latencyMs }) => ({
      primary: latencyMs.primary[name],
      service: latencyMs.service[name],
    }),
    format: latency,
  })),
];

/** One card for each compared service. */
export class Verdicts {
  #cards;
  /** @type {ReportThresholds | undefined} */
  #thresholds;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#cards = new KeyedList(list, {
      key: (/** @type {ServiceReport} */ { route, service }) => JSON.stringify([route, service]),
      create: card,
      fill: (parts, report) => fill(parts, report, this.#thresholds?.maxMismatch ?? 0),
    });
  }

  /**
   * @param {readonly ServiceReport[]} reports
   * @param {ReportThresholds} thresholds
   */
  update(reports, thresholds) {
    this.#thresholds = thresholds;
    this.#cards.update(reports);
  }
}

/** @param {ServiceReport} report */
function card({ route, service }) {
  const icon = html("span", { class: "verdict-icon" });
  const build = html("span", { class: "verdict-build" });
  const label = html("span", { class: "verdict-label" });
  const matchRate = html("span", { class: "figure-value" });
  const note = html("span", { class: "verdict-note", title: "95 % confidence interval" });
  const required = html("span");
  const interval = intervalBar();
  const reasons = html("ul", { class: "reasons" });
  const [kind, path] = patternParts(route);
  const cells = QUANTITIES.map(() => ({ service: cell(), primary: cell() }));
  const element = html("li", { class: "verdict" }, [
    html("div", { class: "verdict-name" }, [
      html("h3", {}, [
        html("span", { class: "verdict-service truncated", title: printable(service) }, [
          printable(service),
          build,
          html("span", { class: "verdict-route", text: ` on ${path} ${kind}` }),
        ]),
        html("span", { class: "visually-hidden", text: ": " }),
        html("span", { class: "verdict-result" }, [icon, label]),
      ]),
    ]),
    html("div", { class: "verdict-match" }, [
      html("p", { class: "verdict-match-head" }, [html("span", { text: "Match" }), required]),
      html("p", {}, [matchRate, " ", note]),
      interval.element,
    ]),
    html("table", { class: "quantities" }, [
      html("caption", { class: "visually-hidden", text: `${printable(service)} and the primary` }),
      html("thead", {}, [
        html("tr", {}, [
          html("td"),
          ...QUANTITIES.map(({ name }) => html("th", { scope: "col", text: name })),
        ]),
      ]),
      html("tbody", {}, [
        html("tr", {}, [
          html("th", { scope: "row" }, [html("span", { class: "truncated", text: printable(service) })]),
          ...cells.map(({ service }) => service.element),
        ]),
        html("tr", { class: "quantities-primary" }, [
          html("th", { scope: "row", text: "primary" }),
          ...cells.map(({ primary }) => primary.element),
        ]),
      ]),
    ]),
    reasons,
  ]);
  return { element, icon, build, label, matchRate, note, required, interval, reasons, cells };
}

/**
 * @param {ReturnType<typeof card>} parts
 * @param {ServiceReport} report
 * @param {number} maxMismatch
 */
function fill(parts, report, maxMismatch) {
  const { verdict, build, compared, undecidedCount, matchRate, reasons } = report;
  setText(parts.build, build === undefined ? "" : ` ${printable(build)}`);
  if (parts.element.dataset.verdict !== verdict) {
    set(parts.element, { "data-verdict": verdict });
    parts.icon.replaceChildren(verdictIcon(verdict));
    setText(parts.label, VERDICT_LABELS[verdict]);
  }
  const { value, low, high } = matchRate;
  const hasComparisons = compared > 0;
  const decided = compared - undecidedCount;
  setText(parts.matchRate, decided > 0 ? finePercent(value) : "–");
  const interval = decided > 0 ? [`${finePercent(low)} to ${finePercent(high)}, of ${count(decided)}`] : [];
  const undecided = undecidedCount > 0 ? [`${count(undecidedCount)} undecided`] : [];
  setText(parts.note, [...interval, ...undecided].join(", "));
  setText(parts.required, `required ${finePercent(1 - maxMismatch)}`);
  parts.interval.element.hidden = decided === 0;
  parts.interval.update(matchRate, 1 - maxMismatch);
  QUANTITIES.forEach(({ valuesOf, format }, index) => {
    const { service, primary } = valuesOf(report);
    const max = Math.max(service, primary);
    parts.cells[index]?.service.update(hasComparisons ? format(service) : "–", max === 0 ? 0 : service / max);
    parts.cells[index]?.primary.update(hasComparisons ? format(primary) : "–", max === 0 ? 0 : primary / max);
  });
  if (JSON.stringify(reasons) !== parts.reasons.dataset.known) {
    parts.reasons.dataset.known = JSON.stringify(reasons);
    parts.reasons.replaceChildren(...reasons.map((reason) => html("li", { text: printable(reason) })));
    parts.reasons.hidden = reasons.length === 0;
  }
}

/** Creates a table cell with a bar below its value. */
function cell() {
  const value = html("span", { class: "quantity-value" });
  const bar = html("span", { class: "quantity-bar", "aria-hidden": "true" });
  const element = html("td", {}, [value, bar]);
  return {
    element,
    /**
     * @param {string} text
     * @param {number} ratio Ratio to the larger value of the service and the primary.
     */
    update(text, ratio) {
      setText(value, text);
      bar.style.width = `${ratio * 100}%`;
    },
  };
}

/** Creates a bar with the match rate, its confidence interval and the required rate. */
function intervalBar() {
  const range = html("span", { class: "interval-range" });
  const dot = html("span", { class: "interval-dot" });
  const requirement = html("span", { class: "interval-requirement" });
  const element = html("div", { class: "interval", "aria-hidden": "true" }, [range, requirement, dot]);
  const position = (/** @type {number} */ ratio) => magnifyLoss(ratio) * 100;
  return {
    element,
    /**
     * @param {ServiceReport["matchRate"]} matchRate
     * @param {number} required
     */
    update({ value, low, high }, required) {
      range.style.left = `${position(low)}%`;
      range.style.width = `${position(high) - position(low)}%`;
      dot.style.left = `${position(value)}%`;
      requirement.style.left = `${position(required)}%`;
    },
  };
}
