/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
import { html } from "./dom.js";
import { clock, ms, niceCeiling, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";
import { exchangeOutcome, failureCauses, responseSource } from "./labels.js";
import { scaleTimeline, timelineOf } from "./timeline.js";

/** Maximum number of exchanges in the list. */
const MAX_ROWS = 30;

/** Ratio of the exchanges whose clients waited for less than the axis is long. The slowest ones are truncated. */
const FITTING_RATIO = 0.9;

/** @typedef {{ element: HTMLLIElement, link: HTMLAnchorElement, timeline: HTMLElement, waitMs: number, scaleMs: number }} Row */

/** Recent exchanges, the newest first, with their timelines on one axis, whose length is the time that clients waited. */
export class Waterfall {
  #rows;
  #axis;
  #maxMs = 0;

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} axis
   * @param {(exchange: ExchangeRecord) => void} onOpen Called when an exchange is clicked.
   */
  constructor(list, axis, onOpen) {
    this.#axis = axis;
    this.#rows = new KeyedList(list, {
      key: (/** @type {ExchangeRecord} */ { id, timeMs }) => `${id} ${timeMs}`,
      create: (exchange) => row(exchange, onOpen),
    });
    list.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const links = this.#rows.rows.map(({ link }) => link);
      const next = links[links.findIndex((link) => link === document.activeElement) + step];
      if (step === 0 || next === undefined) return;
      event.preventDefault();
      next.focus();
    });
  }

  /** @param {readonly ExchangeRecord[]} exchanges The newest first. */
  update(exchanges) {
    this.#rows.update(exchanges.slice(0, MAX_ROWS));
    const { rows } = this.#rows;
    const waits = rows.map(({ waitMs }) => waitMs).sort((a, b) => a - b);
    const maxMs = niceCeiling(waits[Math.ceil(waits.length * FITTING_RATIO) - 1] ?? 100);
    for (const row of rows) {
      if (row.scaleMs !== maxMs) scaleTimeline(row.timeline, row.scaleMs = maxMs);
    }
    if (maxMs !== this.#maxMs) this.#axis.replaceChildren(axisTicks(this.#maxMs = maxMs));
    this.#axis.hidden = waits.length === 0;
  }
}

/**
 * @param {ExchangeRecord} exchange
 * @param {(exchange: ExchangeRecord) => void} onOpen
 * @returns {Row}
 */
function row(exchange, onOpen) {
  const { requestId, method, path, timeMs, status, durationMs, service = "" } = exchange;
  const href = `#traffic?${new URLSearchParams({ id: requestId })}`;
  const link = html("a", { href, class: "exchange-open row-open", "aria-haspopup": "dialog" }, [
    html("span", { class: "method", text: printable(method) }),
    " ",
    html("span", { class: "path", text: printable(path) }),
  ]);
  link.addEventListener("click", (event) => {
    // With a modifier key, the browser opens the link in a new tab or window.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onOpen(exchange);
  });
  const timeline = timelineOf(exchange);
  const element = html("li", { class: "exchange", "data-outcome": exchangeOutcome(exchange) }, [
    html("div", { class: "exchange-head" }, [
      link,
      html("time", { class: "exchange-time", text: clock(timeMs).slice(0, 8) }),
      html("p", { class: "exchange-facts truncated" }, [
        html("span", { class: "status", "data-class": `${Math.floor(status / 100)}xx`, text: status }),
        ` in ${ms(durationMs)} `,
        html("span", { class: "exchange-source", text: responseSource(exchange, printable(service)) }),
      ]),
      ...failureCauses(exchange).map((text) => html("p", { class: "exchange-cause", title: text, text })),
    ]),
    timeline,
  ]);
  return { element, link, timeline, waitMs: durationMs, scaleMs: 0 };
}

/**
 * Returns an axis with five ticks, from 0 to its end.
 *
 * @param {number} maxMs End of the axis.
 * @returns {HTMLElement}
 */
export function axisTicks(maxMs) {
  const ticks = html("div", { class: "ticks" });
  for (const position of [0, 0.25, 0.5, 0.75, 1]) {
    const tick = html("span", { class: "tick", text: position === 0 ? "0" : tickText(maxMs * position) });
    tick.style.left = `${position * 100}%`;
    ticks.append(tick);
  }
  return ticks;
}

/** @param {number} value Milliseconds, a round number. */
function tickText(value) {
  return value < 1_000 ? `${Number(value.toPrecision(3))}\u202fms` : `${Number((value / 1_000).toPrecision(3))}\u202fs`;
}
