/** @import { ReportThresholds } from "../../compare/report.ts" */
import { byId, set } from "./dom.js";

/** What a service must do to be ready: four fields, kept in the address so that a link to the page has them. */

/** @type {Readonly<ReportThresholds>} What is asked for where nothing else is: as in `conductor report`. */
export const DEFAULT_THRESHOLDS = { minRequests: 1_000, maxMismatch: 0.001, maxLatencyRatio: 1.2, maxErrors: 0.001 };

/** @typedef {keyof ReportThresholds} Name */

const NAMES = /** @type {readonly Name[]} */ (Object.keys(DEFAULT_THRESHOLDS));

/** Those that people write in per cent. @type {ReadonlySet<Name>} */
const SHARES = new Set(["maxMismatch", "maxErrors"]);

/** The fields with the thresholds. */
export class Thresholds {
  #form = byId("thresholds", HTMLFormElement);
  #reset = byId("thresholds-reset", HTMLButtonElement);
  #link = byId("comparison-link", HTMLAnchorElement);
  #onChange;
  /** @type {ReportThresholds} */
  #values = DEFAULT_THRESHOLDS;

  /** @param {() => void} onChange Told when another threshold is wanted. */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#form.addEventListener("input", () => this.#changed());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.#write(DEFAULT_THRESHOLDS);
      this.#changed();
      this.#field("minRequests").focus();
    });
  }

  /** @returns {ReportThresholds} What is asked for. */
  get values() {
    return this.#values;
  }

  /** @returns {URLSearchParams} Those that are not the defaults, for the server and for the address. */
  get query() {
    const changed = NAMES.filter((name) => this.#values[name] !== DEFAULT_THRESHOLDS[name]);
    return new URLSearchParams(changed.map((name) => [name, plain(this.#values[name])]));
  }

  /** @param {string} hash The page's address from `#` on. */
  read(hash) {
    const query = new URLSearchParams(hash.split("?")[1] ?? "");
    this.#write(DEFAULT_THRESHOLDS);
    for (const name of NAMES) {
      const field = this.#field(name);
      const before = field.value;
      const text = query.get(name);
      if (text === null) continue;
      field.value = shown(name, text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text));
      if (!field.validity.valid || field.value === "") field.value = before;
    }
    this.#take();
  }

  #changed() {
    // Halfway through a number, what was valid before holds.
    if (!this.#form.checkValidity()) return;
    this.#take();
    history.replaceState(null, "", this.#link.hash);
    this.#onChange();
  }

  #take() {
    const entries = NAMES.map((name) => {
      const value = this.#field(name).valueAsNumber;
      return [name, SHARES.has(name) ? Number((value / 100).toFixed(8)) : value];
    });
    this.#values = Object.fromEntries(entries);
    const { query } = this;
    this.#reset.hidden = query.size === 0;
    set(this.#link, { href: query.size === 0 ? "#comparison" : `#comparison?${query}` });
  }

  /** @param {ReportThresholds} values What the fields are to show. */
  #write(values) {
    for (const name of NAMES) this.#field(name).value = shown(name, values[name]);
  }

  /** @param {Name} name A threshold. */
  #field(name) {
    return byId(`threshold-${name}`, HTMLInputElement);
  }
}

/**
 * @param {Name} name A threshold.
 * @param {number} value Its value.
 * @returns {string} It as its field shows it.
 */
function shown(name, value) {
  if (!Number.isFinite(value)) return "";
  return plain(SHARES.has(name) ? Number((value * 100).toFixed(6)) : value);
}

/**
 * @param {number} value A number.
 * @returns {string} It without an exponent.
 */
function plain(value) {
  return value.toFixed(8).replace(/\.?0+$/, "");
}
