/** @import { NoisyField, ReportedMark } from "../../compare/report.ts" */
import { fieldKey, rateBars } from "./differences.js";
import { byId, html, setText } from "./dom.js";
import { clock, count, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";

/** Noise: the fields that differ by noise or were marked as noise, and the configuration that makes the marks permanent. */

/** List of the noisy fields. */
export class NoiseList {
  #rows;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#rows = new KeyedList(list, {
      key: fieldKey,
      create: noiseRow,
      fill: ({ rates, marked }, { rate, noiseRate, markedMs }) => {
        rates.update(rate, noiseRate);
        setText(marked, markedMs === undefined ? "" : ` · marked ${clock(markedMs).slice(0, 8)}`);
      },
    });
  }

  /** @param {readonly NoisyField[]} fields */
  update(fields) {
    this.#rows.update(fields);
  }
}

/** Configuration of the noise marks, with a button that copies it. */
export class NoiseConfig {
  #section = byId("noise-config", HTMLElement);
  #lines = byId("noise-config-lines", HTMLElement);
  #copy = byId("noise-config-copy", HTMLButtonElement);
  #show = byId("noise-config-show", HTMLButtonElement);
  #status = byId("noise-config-status", HTMLElement);

  constructor() {
    this.#copy.addEventListener("click", () => this.#copyLines());
    this.#show.addEventListener("click", () => {
      this.#section.scrollIntoView({ block: "nearest" });
      this.#copy.focus();
    });
  }

  /** @param {string} yaml Empty without marks. */
  update(yaml) {
    this.#section.hidden = this.#show.hidden = yaml === "";
    if (this.#lines.textContent !== yaml) setText(this.#status, "");
    setText(this.#lines, yaml);
  }

  async #copyLines() {
    try {
      // Fails on pages from another machine without TLS: browsers have no clipboard for them.
      await navigator.clipboard.writeText(this.#lines.textContent ?? "");
      setText(this.#status, "Copied");
    } catch {
      getSelection()?.selectAllChildren(this.#lines);
      setText(this.#status, "Selected: copy it with the keyboard");
    }
  }
}

/** List of the marks, each with a button that removes it. */
export class MarkList {
  #rows;

  /**
   * @param {HTMLElement} list
   * @param {(mark: ReportedMark) => void} onUndo Called when a mark is to be removed.
   */
  constructor(list, onUndo) {
    this.#rows = new KeyedList(list, {
      key: ({ route, endpoint, service, path }) => JSON.stringify([route, endpoint, service, path]),
      create: (/** @type {ReportedMark} */ mark) => markRow(mark, onUndo),
      fill: ({ facts }, { endpoint, route, service, timeMs = 0, differing }) => {
        const scope = `${printable(endpoint ?? route)} · ${printable(service ?? "all services")}`;
        setText(facts, `${scope} · marked ${clock(timeMs).slice(0, 8)} · differs in ${count(differing)}`);
      },
    });
  }

  /** @param {readonly ReportedMark[]} marks */
  update(marks) {
    this.#rows.update(marks);
  }
}

/**
 * @param {ReportedMark} mark
 * @param {(mark: ReportedMark) => void} onUndo
 */
function markRow(mark, onUndo) {
  const path = printable(mark.path);
  const facts = html("span", { class: "noise-endpoint" });
  const button = html("button", { type: "button", class: "button noise-button" }, [
    "Undo",
    html("span", { class: "visually-hidden", text: ` the mark of ${path}` }),
  ]);
  button.addEventListener("click", ({ detail }) => {
    if (detail < 2) onUndo(mark);
  });
  return { element: html("li", { class: "noise-row" }, [html("code", { text: path }), facts, button]), facts };
}

/** @param {NoisyField} field */
function noiseRow({ service, endpoint, path }) {
  const rates = rateBars();
  const marked = html("span");
  const element = html("li", { class: "noise-row" }, [
    html("code", { text: printable(path) }),
    html("span", { class: "noise-endpoint" }, [`${printable(endpoint)} · ${printable(service)}`, marked]),
    rates.element,
  ]);
  return { element, rates, marked };
}
