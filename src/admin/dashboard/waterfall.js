/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
import { html, setText } from "./dom.js";
import { clock, ms, niceCeiling, printable } from "./format.js";
import { endOf, lanesOf, scaleLanes } from "./timeline.js";
import { answeredBy, exchangeOutcome } from "./labels.js";

/** How many exchanges are shown: a phone's page is long enough with fewer. */
const SHOWN = matchMedia("(max-width: 46rem)").matches ? 12 : 30;

/** The axis has room for all but the slowest: this share of the exchanges. */
const FITTING = 0.9;

/** @typedef {{ element: HTMLLIElement, button: HTMLButtonElement, lanes: HTMLElement, endMs: number }} Row */

/** The recent exchanges, newest first, their bars on one axis. */
export class Waterfall {
  #list;
  #axis;
  #onOpen;
  /** @type {Map<ExchangeRecord, Row>} */
  #rows = new Map();
  #maxMs = 0;

  /**
   * @param {HTMLElement} list Where they go.
   * @param {HTMLElement} axis Where their axis goes.
   * @param {(exchange: ExchangeRecord) => void} onOpen Told when one is to be looked at.
   */
  constructor(list, axis, onOpen) {
    this.#list = list;
    this.#axis = axis;
    this.#onOpen = onOpen;
    list.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const buttons = [...this.#rows.values()].map(({ button }) => button);
      const next = buttons[buttons.findIndex((button) => button === document.activeElement) + step];
      if (step === 0 || next === undefined) return;
      event.preventDefault();
      next.focus();
    });
  }

  /**
   * Shows exchanges.
   *
   * @param {readonly ExchangeRecord[]} exchanges All that fit, newest first.
   */
  update(exchanges) {
    const shown = exchanges.slice(0, SHOWN);
    const before = this.#rows;
    this.#rows = new Map(shown.map((exchange) => [exchange, before.get(exchange) ?? this.#row(exchange)]));
    for (const [exchange, { element }] of before) if (!this.#rows.has(exchange)) element.remove();
    let place = this.#list.firstElementChild;
    for (const { element } of this.#rows.values()) {
      if (element === place) place = place.nextElementSibling;
      else this.#list.insertBefore(element, place);
    }
    this.#scale(before);
  }

  /** @param {ReadonlyMap<ExchangeRecord, Row>} before The rows that have their scale. */
  #scale(before) {
    const ends = [...this.#rows.values()].map(({ endMs }) => endMs).sort((a, b) => a - b);
    const maxMs = niceCeiling(ends[Math.ceil(ends.length * FITTING) - 1] ?? 100);
    const isNew = maxMs !== this.#maxMs;
    for (const [exchange, { lanes }] of this.#rows) if (isNew || !before.has(exchange)) scaleLanes(lanes, maxMs);
    if (isNew) this.#axis.replaceChildren(ticksOf(maxMs));
    this.#maxMs = maxMs;
    this.#axis.hidden = ends.length === 0;
  }

  /**
   * @param {ExchangeRecord} exchange The exchange.
   * @returns {Row} Its row.
   */
  #row(exchange) {
    const outcome = exchangeOutcome(exchange);
    const button = html("button", { type: "button", class: "exchange-open", "aria-haspopup": "dialog" }, [
      html("span", { class: "method", text: printable(exchange.method) }),
      " ",
      html("span", { class: "path", text: printable(exchange.path) }),
    ]);
    button.addEventListener("click", () => this.#onOpen(exchange));
    const lanes = lanesOf(exchange);
    const element = html("li", { class: "exchange", "data-outcome": outcome }, [
      html("div", { class: "exchange-head" }, [
        button,
        html("time", { class: "exchange-time", text: clock(exchange.timeMs).slice(0, 8) }),
        html("p", { class: "exchange-facts cut" }, [
          html("span", {
            class: "status",
            "data-class": `${Math.floor(exchange.status / 100)}xx`,
            text: exchange.status,
          }),
          ` in ${ms(exchange.durationMs)} `,
          html("span", { class: "exchange-source", text: answeredBy(exchange, printable(exchange.service ?? "")) }),
        ]),
      ]),
      lanes,
    ]);
    return { element, button, lanes, endMs: endOf(exchange) };
  }
}

/**
 * Draws an axis.
 *
 * @param {number} maxMs Where it ends, in milliseconds.
 * @returns {HTMLElement} Five marks, from 0 to the end.
 */
export function ticksOf(maxMs) {
  const ticks = html("div", { class: "ticks" });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const tick = html("span", { class: "tick" });
    setText(tick, share === 0 ? "0" : tickText(maxMs * share));
    tick.style.left = `${share * 100}%`;
    ticks.append(tick);
  }
  return ticks;
}

/** @param {number} value Milliseconds, a round number. */
function tickText(value) {
  return value < 1_000 ? `${Number(value.toPrecision(3))}\u202fms` : `${Number((value / 1_000).toPrecision(3))}\u202fs`;
}
