/** @import { StateView } from "../api.ts" */
/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
import { byId, html } from "./dom.js";
import { printable } from "./format.js";
import { attemptState, exchangeOutcome } from "./labels.js";

/** Which exchanges are shown. */

/** @type {readonly [value: string, label: string, fits: (exchange: ExchangeRecord) => boolean][]} */
const OUTCOMES = [
  ["", "All", () => true],
  ["primary", "From a primary", (exchange) => exchangeOutcome(exchange) === "primary"],
  ["fallback", "From a fallback", (exchange) => exchangeOutcome(exchange) === "fallback"],
  ["own", "From conductor itself", (exchange) => exchangeOutcome(exchange) === "own"],
  ["interrupted", "Broken off", (exchange) => exchangeOutcome(exchange) === "interrupted"],
  ["failed", "A service failed", ({ attempts }) => attempts.some((attempt) => attemptState(attempt) === "failed")],
  ["skipped", "A service was not sent it", ({ attempts }) => attempts.some(({ skipped }) => skipped !== undefined)],
];

/** The form with the filters. */
export class Filters {
  #route = byId("filter-route", HTMLSelectElement);
  #service = byId("filter-service", HTMLSelectElement);
  #outcome = byId("filter-outcome", HTMLSelectElement);
  #clear = byId("filter-clear", HTMLButtonElement);
  #onChange;
  #known = "";

  /** @param {() => void} onChange Told when another choice is made. */
  constructor(onChange) {
    this.#onChange = onChange;
    for (const [value, label] of OUTCOMES) this.#outcome.append(html("option", { value, text: label }));
    const form = byId("filters", HTMLFormElement);
    form.addEventListener("change", () => this.#changed());
    // The fields are as new only after the event.
    form.addEventListener("reset", () => queueMicrotask(() => this.#changed()));
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** @returns {import("./map.js").Choice} The route and the service that are chosen. */
  get choice() {
    return { route: this.#route.value, service: this.#service.value };
  }

  /** @returns {boolean} Whether anything is left out. */
  get isSet() {
    return this.#route.value !== "" || this.#service.value !== "" || this.#outcome.value !== "";
  }

  /** @param {StateView} state The newest state: what can be chosen. */
  update({ routes, services }) {
    const known = JSON.stringify([routes, services]);
    if (known === this.#known) return;
    this.#known = known;
    offer(this.#route, routes.map(({ route }) => route));
    offer(this.#service, services.map(({ name }) => name));
  }

  /**
   * Chooses a route or a service, or takes the choice back.
   *
   * @param {keyof import("./map.js").Choice} kind Which of both.
   * @param {string} name Its name.
   */
  toggle(kind, name) {
    const select = kind === "route" ? this.#route : this.#service;
    select.value = select.value === name ? "" : name;
    this.#changed();
  }

  /**
   * Tells whether an exchange is shown.
   *
   * @param {ExchangeRecord} exchange The exchange.
   * @returns {boolean} Whether it is.
   */
  fits(exchange) {
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
 * @param {HTMLSelectElement} select A list.
 * @param {readonly string[]} names What it offers.
 */
function offer(select, names) {
  const before = select.value;
  const options = names.map((name) => html("option", { value: name, text: printable(name) }));
  select.replaceChildren(html("option", { value: "", text: "All" }), ...options);
  select.value = names.includes(before) ? before : "";
}
