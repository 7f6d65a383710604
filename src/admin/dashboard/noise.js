/** @import { Mismatch } from "../../compare/report.ts" */
import { fieldKey, rateBars } from "./differences.js";
import { byId, html, setText } from "./dom.js";
import { printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";

/** Noise: the fields that differ by noise or were marked as noise, and the configuration that makes the marks permanent. */

/** @typedef {Omit<Mismatch, "samples">} NoisyField */

/** List of the noisy fields. */
export class NoiseList {
  #rows;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#rows = new KeyedList(list, {
      key: fieldKey,
      create: noiseRow,
      fill: ({ rates }, { rate, noiseRate }) => rates.update(rate, noiseRate),
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

/** @param {NoisyField} field */
function noiseRow({ service, endpoint, path }) {
  const rates = rateBars();
  const element = html("li", { class: "noise-row" }, [
    html("code", { text: printable(path) }),
    html("span", { class: "noise-endpoint", text: `${printable(endpoint)} · ${printable(service)}` }),
    rates.element,
  ]);
  return { element, rates };
}
