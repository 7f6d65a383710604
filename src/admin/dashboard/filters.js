/** @import { StateView } from "../api.ts" */
/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
/** @import { Address } from "./address.js" */
import { byId, html } from "./dom.js";
import { printable } from "./format.js";
import { attemptDescription, attemptState, exchangeOutcome } from "./labels.js";

/** Filters for the list of exchanges. They are settings of the address, so that a filtered list has a link. */

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
  #text = byId("filter-text", HTMLInputElement);
  #clear = byId("filter-clear", HTMLButtonElement);
  #address;
  #onChange;
  #known = "";

  /**
   * @param {Address} address
   * @param {() => void} onChange
   */
  constructor(address, onChange) {
    this.#address = address;
    this.#onChange = onChange;
    for (const [value, label] of OUTCOMES) this.#outcome.append(html("option", { value, text: label }));
    const form = byId("filters", HTMLFormElement);
    form.addEventListener("input", () => this.#changed());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.select({});
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** @returns {import("./map.js").Choice} The selected route and service. */
  get choice() {
    return { route: this.#address.get("route"), service: this.#address.get("service") };
  }

  /** @returns {boolean} True if any filter is set. */
  get isSet() {
    return ["route", "service", "outcome", "text", "id"].some((name) =>
      this.#address.get(/** @type {import("./address.js").Setting} */ (name)) !== ""
    );
  }

  /**
   * Offers the configured routes and services. A name in the address that is not configured remains selectable.
   *
   * @param {StateView} state
   */
  update({ routes, services }) {
    const known = JSON.stringify([routes, services]);
    if (known === this.#known) return;
    this.#known = known;
    setOptions(this.#route, routes.map(({ route }) => route));
    setOptions(this.#service, services.map(({ name }) => name));
    this.read();
  }

  /** Shows the filters of the address in the form. */
  read() {
    this.#choose(this.#route, this.#address.get("route"));
    this.#choose(this.#service, this.#address.get("service"));
    this.#choose(this.#outcome, this.#address.get("outcome"));
    // Typing must not move the cursor.
    if (this.#text.value !== this.#address.get("text")) this.#text.value = this.#address.get("text");
    this.#clear.hidden = !this.isSet;
  }

  /**
   * Selects a route or a service; removes the selection if it is selected already.
   *
   * @param {keyof import("./map.js").Choice} kind
   * @param {string} name
   */
  toggle(kind, name) {
    this.#set({ [kind]: this.#address.get(kind) === name ? "" : name });
  }

  /**
   * Replaces all filters.
   *
   * @param {Partial<Record<"route" | "service" | "outcome" | "text" | "id", string>>} filters
   */
  select(filters) {
    this.#set({ route: "", service: "", outcome: "", text: "", id: "", ...filters });
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
    const id = this.#address.get("id");
    if (id !== "" && exchange.requestId !== id) return false;
    const outcome = OUTCOMES.find(([value]) => value === this.#address.get("outcome"));
    if (outcome !== undefined && !outcome[2](exchange)) return false;
    const text = this.#address.get("text").trim().toLowerCase();
    return text === "" || searchableText(exchange).toLowerCase().includes(text);
  }

  #changed() {
    this.#set({
      route: this.#route.value,
      service: this.#service.value,
      outcome: this.#outcome.value,
      text: this.#text.value,
    });
  }

  /** @param {Partial<Record<import("./address.js").Setting, string>>} changes */
  #set(changes) {
    this.#address.change(changes);
    this.read();
    this.#onChange();
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {string} value
   */
  #choose(select, value) {
    if (select.value === value) return;
    if (value !== "" && ![...select.options].some((option) => option.value === value)) {
      select.append(html("option", { value, text: printable(value) }));
    }
    select.value = value;
  }
}

/**
 * Returns the text of an exchange that the text filter searches.
 *
 * @param {ExchangeRecord} exchange
 */
function searchableText({ method, path, status, requestId, attempts }) {
  const parts = attempts.flatMap((attempt) => [
    attempt.service,
    attemptDescription(attempt),
    attempt.cause ?? "",
    attempt.error ?? "",
    attempt.address ?? "",
  ]);
  return [`${method} ${path} ${status} ${requestId}`, ...parts].join("\n");
}

/**
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} names
 */
function setOptions(select, names) {
  const options = names.map((name) => html("option", { value: name, text: printable(name) }));
  select.replaceChildren(html("option", { value: "", text: "All" }), ...options);
}
