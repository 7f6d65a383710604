/** @import { StateView } from "../api.ts" */
/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
import { byId, html } from "./dom.js";
import { printable } from "./format.js";
import { attemptState, exchangeOutcome } from "./labels.js";

/** Filters for the list of exchanges. */

/** @type {readonly [value: string, label: string, matches: (exchange: ExchangeRecord) => boolean][]} */
const OUTCOMES = [
  ["", "All", () => true],
  ["primary", "From a primary", (exchange) => exchangeOutcome(exchange) === "primary"],
  ["fallback", "From a fallback", (exchange) => exchangeOutcome(exchange) === "fallback"],
  ["local-reply", "Local reply", (exchange) => exchangeOutcome(exchange) === "local-reply"],
  ["interrupted", "Interrupted", (exchange) => exchangeOutcome(exchange) === "interrupted"],
  ["failed", "A service failed", ({ attempts }) => attempts.some((attempt) => attemptState(attempt) === "failed")],
  [
    "skipped",
    "A service was skipped",
    ({ attempts }) => attempts.some((attempt) => attemptState(attempt) === "skipped"),
  ],
];

/** The form with the filters. */
export class Filters {
  #route = byId("filter-route", HTMLSelectElement);
  #service = byId("filter-service", HTMLSelectElement);
  #outcome = byId("filter-outcome", HTMLSelectElement);
  #clear = byId("filter-clear", HTMLButtonElement);
  #onChange;
  #known = "";

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    for (const [value, label] of OUTCOMES) this.#outcome.append(html("option", { value, text: label }));
    const form = byId("filters", HTMLFormElement);
    form.addEventListener("change", () => this.#changed());
    // The fields have their new values only after the event.
    form.addEventListener("reset", () => queueMicrotask(() => this.#changed()));
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** @returns {import("./map.js").Choice} The selected route and service. */
  get choice() {
    return { route: this.#route.value, service: this.#service.value };
  }

  /** @returns {boolean} True if any filter is set. */
  get isSet() {
    return this.#route.value !== "" || this.#service.value !== "" || this.#outcome.value !== "";
  }

  /**
   * Offers the configured routes and services.
   *
   * @param {StateView} state
   */
  update({ routes, services }) {
    const known = JSON.stringify([routes, services]);
    if (known === this.#known) return;
    this.#known = known;
    setOptions(this.#route, routes.map(({ route }) => route));
    setOptions(this.#service, services.map(({ name }) => name));
  }

  /**
   * Selects a route or a service; removes the selection if it is selected already.
   *
   * @param {keyof import("./map.js").Choice} kind
   * @param {string} name
   */
  toggle(kind, name) {
    const select = kind === "route" ? this.#route : this.#service;
    select.value = select.value === name ? "" : name;
    this.#changed();
  }

  /**
   * Reports whether an exchange matches all filters.
   *
   * @param {ExchangeRecord} exchange
   * @returns {boolean}
   */
  matches(exchange) {
    const { route, service } = this.choice;
    if (route !== "" && exchange.route !== route) return false;
    if (service !== "" && !exchange.attempts.some((attempt) => attempt.service === service)) return false;
    return OUTCOMES.find(([value]) => value === this.#outcome.value)?.[2](exchange) ?? true;
  }

  #changed() {
    this.#clear.hidden = !this.isSet;
    this.#onChange();
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} names
 */
function setOptions(select, names) {
  const before = select.value;
  const options = names.map((name) => html("option", { value: name, text: printable(name) }));
  select.replaceChildren(html("option", { value: "", text: "All" }), ...options);
  select.value = names.includes(before) ? before : "";
}
