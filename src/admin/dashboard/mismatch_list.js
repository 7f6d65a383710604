/** @import { Difference } from "../../compare/difference.ts" */
/** @import { MismatchEntry } from "../../compare/mismatch_feed.ts" */
import { fieldKey } from "./differences.js";
import { html, setText } from "./dom.js";
import { clock, count, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";
import { requestDetails } from "./request_details.js";
import { valuePair } from "./sample_row.js";

/** Maximum number of mismatches in the list. */
const MAX_ROWS = 12;

/** Maximum number of mismatches that the page keeps; conductor keeps as many. */
const MAX_ENTRIES = 200;

/** Maximum number of differences shown for a mismatch. */
const MAX_DIFFERENCES = 3;

/** The latest mismatches, the newest first. */
export class MismatchList {
  #rows;
  #note;
  /** @type {readonly MismatchEntry[]} The newest first. */
  #entries = [];

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} note Place for the number of mismatches that are not shown.
   */
  constructor(list, note) {
    this.#note = note;
    this.#rows = new KeyedList(list, {
      key: (/** @type {MismatchEntry} */ { id, timeMs }) => `${id} ${timeMs}`,
      create: () => ({ element: html("li", { class: "mismatch" }), known: "" }),
      fill: (row, entry) => {
        const known = JSON.stringify(entry.differences);
        if (row.known === known) return;
        row.known = known;
        row.element.replaceChildren(...entryParts(entry));
      },
    });
  }

  /** @returns {number} Highest known id; 0 without mismatches. */
  get lastId() {
    return this.#entries[0]?.id ?? 0;
  }

  /** @param {readonly MismatchEntry[]} entries New mismatches, the oldest first. */
  add(entries) {
    // After a restart of conductor, ids start again.
    const isRestarted = entries[0] !== undefined && entries[0].id <= this.lastId;
    this.#entries = [...entries.toReversed(), ...(isRestarted ? [] : this.#entries)].slice(0, MAX_ENTRIES);
  }

  /**
   * Shows the mismatches without their noise.
   *
   * @param {ReadonlySet<string>} noise Noisy fields, by {@linkcode fieldKey}.
   */
  draw(noise) {
    const entries = this.#entries.flatMap((entry) => {
      const differences = entry.differences.filter(({ path }) => !noise.has(fieldKey({ ...entry, path })));
      return differences.length === 0 ? [] : [{ ...entry, differences }];
    });
    this.#rows.update(entries.slice(0, MAX_ROWS));
    const onlyNoise = this.#entries.length - entries.length;
    const note = onlyNoise === 0 ? "" : `without ${count(onlyNoise)} that differ only by noise`;
    setText(this.#note, this.#entries.length === 0 ? "none yet" : note);
  }
}

/** @param {MismatchEntry} entry */
function entryParts(entry) {
  const { timeMs, method, path, service, requestId, differences, more = 0 } = entry;
  const shown = differences.slice(0, MAX_DIFFERENCES);
  const hidden = differences.length - shown.length + more;
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
      ...(hidden === 0 ? [] : [html("li", { class: "aside", text: `and ${count(hidden)} more` })]),
    ]),
    ...requestDetails(entry),
  ];
}

/** @param {Difference} difference */
function differenceRow(difference) {
  const { path, kind, expected, actual } = difference;
  const hasValues = expected !== undefined || actual !== undefined;
  return html("li", { class: "mismatch-difference" }, [
    html("code", { class: "mismatch-field", text: printable(path) }),
    ...(hasValues ? valuePair(difference) : [html("span", { class: "aside", text: kind })]),
  ]);
}
