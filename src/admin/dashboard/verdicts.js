/** @import { ReportThresholds, ServiceReport, Verdict } from "../../compare/report.ts" */
import { html, set, setText } from "./dom.js";
import { count, finePercent, ms, patternParts, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";
import { verdictSign } from "./icons.js";

/** What is said of each service: may it go live, why not, and how it does beside the primary. */

/** What each verdict is called. @type {Readonly<Record<Verdict, string>>} */
export const VERDICT_WORDS = {
  "ready": "Ready",
  "not-ready": "Not ready",
  "not-enough-traffic": "Not enough traffic",
};

/** @typedef {{ name: string, of: (report: ServiceReport) => { primary: number, service: number }, write: (value: number) => string }} Quantity */

/** @type {readonly Quantity[]} What stands beside the primary's. */
const QUANTITIES = [
  { name: "Errors", of: ({ errorRate }) => errorRate, write: finePercent },
  ...(/** @type {const} */ (["p50", "p95", "p99"])).map((name) => ({
    name,
    of: (/** @type {ServiceReport} */ { latencyMs }) => ({
      primary: latencyMs.primary[name],
      service: latencyMs.service[name],
    }),
    write: ms,
  })),
];

/** One card for each service that is compared. */
export class Verdicts {
  #cards;
  /** @type {ReportThresholds | undefined} */
  #thresholds;

  /** @param {HTMLElement} list Where they go. */
  constructor(list) {
    this.#cards = new KeyedList(list, {
      key: (/** @type {ServiceReport} */ { route, service }) => JSON.stringify([route, service]),
      make: card,
      fill: (parts, report) => fill(parts, report, this.#thresholds?.maxMismatch ?? 0),
    });
  }

  /**
   * @param {readonly ServiceReport[]} reports What is said of each service.
   * @param {ReportThresholds} thresholds What was asked for.
   */
  update(reports, thresholds) {
    this.#thresholds = thresholds;
    this.#cards.update(reports);
  }
}

/** @param {ServiceReport} report What is said of a service. */
function card({ route, service }) {
  const sign = html("span", { class: "verdict-sign" });
  const word = html("span", { class: "verdict-word" });
  const share = html("span", { class: "figure-value" });
  const note = html("span", { class: "verdict-note" });
  const needed = html("span");
  const interval = intervalBar();
  const reasons = html("ul", { class: "reasons" });
  const [kind, path] = patternParts(route);
  const cells = QUANTITIES.map(() => ({ service: cell(), primary: cell() }));
  const element = html("li", { class: "verdict" }, [
    html("div", { class: "verdict-name" }, [
      html("h3", {}, [
        html("span", { class: "verdict-service cut", title: printable(service) }, [
          printable(service),
          html("span", { class: "verdict-route", text: ` on ${path} ${kind}` }),
        ]),
        html("span", { class: "visually-hidden", text: ": " }),
        html("span", { class: "verdict-says" }, [sign, word]),
      ]),
    ]),
    html("div", { class: "verdict-match" }, [
      html("p", { class: "verdict-label" }, [html("span", { text: "Alike" }), needed]),
      html("p", {}, [share, " ", note]),
      interval.element,
    ]),
    html("table", { class: "beside" }, [
      html("caption", { class: "visually-hidden", text: `${printable(service)} beside the primary` }),
      html("thead", {}, [
        html("tr", {}, [
          html("td"),
          ...QUANTITIES.map(({ name }) => html("th", { scope: "col", text: name })),
        ]),
      ]),
      html("tbody", {}, [
        html("tr", {}, [
          html("th", { scope: "row" }, [html("span", { class: "cut", text: printable(service) })]),
          ...cells.map(({ service }) => service.element),
        ]),
        html("tr", { class: "beside-primary" }, [
          html("th", { scope: "row", text: "primary" }),
          ...cells.map(({ primary }) => primary.element),
        ]),
      ]),
    ]),
    reasons,
  ]);
  return { element, sign, word, share, note, needed, interval, reasons, cells };
}

/**
 * @param {ReturnType<typeof card>} parts A card.
 * @param {ServiceReport} report What is said of the service.
 * @param {number} maxMismatch The largest share of mismatches that is asked for.
 */
function fill(parts, report, maxMismatch) {
  const { verdict, compared, matchRate: { value, low, high }, reasons } = report;
  if (parts.element.dataset.verdict !== verdict) {
    set(parts.element, { "data-verdict": verdict });
    parts.sign.replaceChildren(verdictSign(verdict));
    setText(parts.word, VERDICT_WORDS[verdict]);
  }
  const hasAny = compared > 0;
  setText(parts.share, hasAny ? finePercent(value) : "–");
  setText(parts.note, hasAny ? `${finePercent(low)} to ${finePercent(high)}, of ${count(compared)}` : "");
  setText(parts.needed, `needed ${finePercent(1 - maxMismatch)}`);
  parts.interval.element.hidden = !hasAny;
  parts.interval.update({ value, low, high }, 1 - maxMismatch);
  QUANTITIES.forEach(({ of, write }, index) => {
    const { service, primary } = of(report);
    const top = Math.max(service, primary);
    parts.cells[index]?.service.update(hasAny ? write(service) : "–", top === 0 ? 0 : service / top);
    parts.cells[index]?.primary.update(hasAny ? write(primary) : "–", top === 0 ? 0 : primary / top);
  });
  if (JSON.stringify(reasons) !== parts.reasons.dataset.known) {
    parts.reasons.dataset.known = JSON.stringify(reasons);
    parts.reasons.replaceChildren(...reasons.map((reason) => html("li", { text: printable(reason) })));
    parts.reasons.hidden = reasons.length === 0;
  }
}

/** A figure with a bar below it. */
function cell() {
  const value = html("span", { class: "beside-value" });
  const bar = html("span", { class: "beside-bar", "aria-hidden": "true" });
  const element = html("td", {}, [value, bar]);
  return {
    element,
    /**
     * @param {string} text The figure.
     * @param {number} share How much of the larger one of both it is.
     */
    update(text, share) {
      setText(value, text);
      bar.style.width = `${share * 100}%`;
    },
  };
}

/** The share that is alike, how sure it is, and what is asked for, on a scale that shows small losses. */
function intervalBar() {
  const range = html("span", { class: "interval-range" });
  const dot = html("span", { class: "interval-dot" });
  const need = html("span", { class: "interval-need" });
  const element = html("div", { class: "interval", "aria-hidden": "true" }, [range, need, dot]);
  return {
    element,
    /**
     * @param {ServiceReport["matchRate"]} share The share.
     * @param {number} needed What is asked for.
     */
    update({ value, low, high }, needed) {
      range.style.left = `${lossless(low)}%`;
      range.style.width = `${lossless(high) - lossless(low)}%`;
      dot.style.left = `${lossless(value)}%`;
      need.style.left = `${lossless(needed)}%`;
    },
  };
}

/**
 * @param {number} share A share.
 * @returns {number} Where it is, in per cent of the width: the way from the end is the root of what is missing.
 */
function lossless(share) {
  return (1 - Math.sqrt(1 - share)) * 100;
}
