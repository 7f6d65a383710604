/** @import { Mismatch } from "../../compare/report.ts" */
import { fieldKey, rateBars } from "./differences.js";
import { html } from "./dom.js";
import { printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";

/** @typedef {Omit<Mismatch, "samples">} NoisyField */

/** The fields that differ by themselves, or were called noise. */
export class NoiseList {
  #rows;

  /** @param {HTMLElement} list Where they go. */
  constructor(list) {
    this.#rows = new KeyedList(list, {
      key: fieldKey,
      make: row,
      fill: ({ rates }, { rate, noiseRate }) => rates.update(rate, noiseRate),
    });
  }

  /** @param {readonly NoisyField[]} fields The fields. */
  update(fields) {
    this.#rows.update(fields);
  }
}

/** @param {NoisyField} field The field. */
function row({ service, endpoint, path }) {
  const rates = rateBars();
  const element = html("li", { class: "noise-row" }, [
    html("code", { text: printable(path) }),
    html("span", { class: "noise-where", text: `${printable(endpoint)} · ${printable(service)}` }),
    rates.element,
  ]);
  return { element, rates };
}
