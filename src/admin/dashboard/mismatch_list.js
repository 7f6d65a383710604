/** @import { Difference } from "../../compare/difference.ts" */
/** @import { MismatchEntry } from "../../compare/mismatch_feed.ts" */
import { fieldKey } from "./differences.js";
import { html, setText } from "./dom.js";
import { clock, count, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";
import { sidesOf } from "./sample_row.js";

/** How many mismatches are shown. */
const SHOWN = 12;

/** How many are remembered: as many as conductor does. */
const MAX_ENTRIES = 200;

/** How many of an entry's differences are shown. */
const SHOWN_DIFFERENCES = 3;

/** The latest mismatches, newest first. */
export class MismatchList {
  #rows;
  #note;
  /** @type {readonly MismatchEntry[]} Newest first. */
  #entries = [];

  /**
   * @param {HTMLElement} list Where they go.
   * @param {HTMLElement} note Where it is said what is not shown.
   */
  constructor(list, note) {
    this.#note = note;
    this.#rows = new KeyedList(list, {
      key: (/** @type {MismatchEntry} */ { id, timeMs }) => `${id} ${timeMs}`,
      make: () => ({ element: html("li", { class: "mismatch" }), known: "" }),
      fill: (row, entry) => {
        const known = JSON.stringify(entry.differences);
        if (row.known === known) return;
        row.known = known;
        row.element.replaceChildren(...partsOf(entry));
      },
    });
  }

  /** @returns {number} The highest id that is known; 0 where none is. */
  get last() {
    return this.#entries[0]?.id ?? 0;
  }

  /** @param {readonly MismatchEntry[]} entries What is new, oldest first. */
  add(entries) {
    // After a restart, ids begin anew.
    const isNew = entries[0] !== undefined && entries[0].id <= this.last;
    this.#entries = [...entries.toReversed(), ...(isNew ? [] : this.#entries)].slice(0, MAX_ENTRIES);
  }

  /**
   * Shows the mismatches: what differs by itself is left out of them.
   *
   * @param {ReadonlySet<string>} noise The fields that differ by themselves, by {@linkcode fieldKey}.
   */
  draw(noise) {
    const entries = this.#entries.flatMap((entry) => {
      const differences = entry.differences.filter(({ path }) => !noise.has(fieldKey({ ...entry, path })));
      return differences.length === 0 ? [] : [{ ...entry, differences }];
    });
    this.#rows.update(entries.slice(0, SHOWN));
    const byThemselves = this.#entries.length - entries.length;
    setText(
      this.#note,
      this.#entries.length === 0
        ? "none yet"
        : byThemselves === 0
        ? ""
        : `without ${count(byThemselves)} that differ only where the primary does by itself`,
    );
  }
}

/** @param {MismatchEntry} entry A mismatch. */
function partsOf({ timeMs, method, path, service, requestId, differences, more = 0 }) {
  const shown = differences.slice(0, SHOWN_DIFFERENCES);
  const rest = differences.length - shown.length + more;
  return [
    html("div", { class: "mismatch-head" }, [
      html("time", { class: "exchange-time", text: clock(timeMs).slice(0, 8) }),
      html("span", { class: "mismatch-request" }, [
        html("span", { class: "method", text: printable(method) }),
        " ",
        html("span", { class: "mismatch-path", text: printable(path) }),
      ]),
      html("span", { class: "mismatch-service", text: printable(service) }),
      html("span", { class: "request-id", title: `Request id ${printable(requestId)}`, text: printable(requestId) }),
    ]),
    html("ul", { class: "mismatch-differences" }, [
      ...shown.map(differenceRow),
      ...(rest === 0 ? [] : [html("li", { class: "aside", text: `and ${count(rest)} more` })]),
    ]),
  ];
}

/** @param {Difference} difference A difference. */
function differenceRow(difference) {
  const hasValues = difference.expected !== undefined || difference.actual !== undefined;
  return html("li", { class: "mismatch-difference" }, [
    html("code", { class: "mismatch-field", text: printable(difference.path) }),
    ...(hasValues ? sidesOf(difference) : [html("span", { class: "aside", text: difference.kind })]),
  ]);
}
