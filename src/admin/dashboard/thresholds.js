/** @import { ReportThresholds } from "../../compare/report.ts" */
import { byId, set } from "./dom.js";

/** Thresholds for the verdict "ready": form fields, stored in the fragment of the URL so that links keep them. */

/** Defaults of `conductor report`. @type {Readonly<ReportThresholds>} */
export const DEFAULT_THRESHOLDS = {
  minRequests: 2_000,
  minComparable: 0.95,
  maxMismatch: 0.001,
  maxLatencyRatio: 1.2,
  maxErrors: 0.001,
};

/** @typedef {keyof ReportThresholds} Name */

const NAMES = /** @type {readonly Name[]} */ (Object.keys(DEFAULT_THRESHOLDS));

/** Ratios that are entered in per cent. @type {ReadonlySet<Name>} */
const PERCENT_FIELDS = new Set(["minComparable", "maxMismatch", "maxErrors"]);

/** The form with the thresholds. */
export class Thresholds {
  #form = byId("thresholds", HTMLFormElement);
  #reset = byId("thresholds-reset", HTMLButtonElement);
  #link = byId("comparison-link", HTMLAnchorElement);
  #onChange;
  /** @type {ReportThresholds} */
  #values = DEFAULT_THRESHOLDS;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#form.addEventListener("input", () => this.#changed());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.#writeFields(DEFAULT_THRESHOLDS);
      this.#changed();
      this.#field("minRequests").focus();
    });
  }

  /** @returns {ReportThresholds} */
  get values() {
    return this.#values;
  }

  /** @returns {URLSearchParams} Thresholds that differ from the defaults. */
  get query() {
    const changed = NAMES.filter((name) => this.#values[name] !== DEFAULT_THRESHOLDS[name]);
    return new URLSearchParams(changed.map((name) => [name, decimal(this.#values[name])]));
  }

  /**
   * Reads the thresholds from a fragment. Invalid and missing ones have their defaults.
   *
   * @param {string} hash
   */
  read(hash) {
    const query = new URLSearchParams(hash.split("?")[1] ?? "");
    this.#writeFields(DEFAULT_THRESHOLDS);
    for (const name of NAMES) {
      const field = this.#field(name);
      const before = field.value;
      const text = query.get(name);
      if (text === null) continue;
      field.value = fieldText(name, text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text));
      if (!field.validity.valid || field.value === "") field.value = before;
    }
    this.#readFields();
  }

  #changed() {
    // While a number is typed, the last valid thresholds apply.
    if (!this.#form.checkValidity()) return;
    this.#readFields();
    history.replaceState(null, "", this.#link.hash);
    this.#onChange();
  }

  #readFields() {
    const entries = NAMES.map((name) => {
      const value = this.#field(name).valueAsNumber;
      return [name, PERCENT_FIELDS.has(name) ? Number((value / 100).toFixed(8)) : value];
    });
    this.#values = Object.fromEntries(entries);
    const { query } = this;
    this.#reset.hidden = query.size === 0;
    set(this.#link, { href: query.size === 0 ? "#comparison" : `#comparison?${query}` });
  }

  /** @param {ReportThresholds} values */
  #writeFields(values) {
    for (const name of NAMES) this.#field(name).value = fieldText(name, values[name]);
  }

  /** @param {Name} name */
  #field(name) {
    return byId(`threshold-${name}`, HTMLInputElement);
  }
}

/**
 * @param {Name} name
 * @param {number} value
 * @returns {string}
 */
function fieldText(name, value) {
  if (!Number.isFinite(value)) return "";
  return decimal(PERCENT_FIELDS.has(name) ? Number((value * 100).toFixed(6)) : value);
}

/**
 * Formats a number without an exponent, which number fields show.
 *
 * @param {number} value
 * @returns {string}
 */
function decimal(value) {
  return value.toFixed(8).replace(/\.?0+$/, "");
}
