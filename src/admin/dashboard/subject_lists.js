/** @import { Address } from "./address.js" */
/** @import { ListListener } from "./subject_list.js" */
/** @import { Subject } from "./subjects.js" */
import { byId, html, set, setText } from "./dom.js";
import { count } from "./format.js";
import { SubjectList } from "./subject_list.js";
import { ORDERS } from "./subjects.js";

/** The lists of services and routes with their search and order. One of them is visible. */

const LISTS = /** @type {const} */ (["services", "routes"]);

/** The visible list, and the form above it. */
export class SubjectLists {
  #address;
  #onChange;
  #sort = byId("list-sort", HTMLSelectElement);
  #find = byId("list-find", HTMLInputElement);
  #more = byId("list-more", HTMLButtonElement);
  #note = byId("list-note", HTMLElement);
  #lists;

  /**
   * @param {Address} address
   * @param {ListListener & { onChange: () => void }} listener Its `onChange` is called when another list or order is selected.
   */
  constructor(address, listener) {
    this.#address = address;
    this.#onChange = listener.onChange;
    this.#lists = { services: new SubjectList("services", listener), routes: new SubjectList("routes", listener) };
    for (const [value, { label }] of Object.entries(ORDERS)) this.#sort.append(html("option", { value, text: label }));
    for (const name of LISTS) {
      byId(`list-${name}`, HTMLButtonElement).addEventListener("click", () => {
        this.#set({ list: name === "services" ? "" : name });
      });
    }
    this.#sort.addEventListener("change", () => {
      this.#set({ sort: this.#sort.value === "trouble" ? "" : this.#sort.value });
    });
    this.#find.addEventListener("input", () => this.#set({ find: this.#find.value }));
    this.#more.addEventListener("click", () => this.#set({ all: this.#address.get("all") === "" ? "1" : "" }));
    byId("list-form", HTMLFormElement).addEventListener("submit", (event) => event.preventDefault());
  }

  /**
   * @param {Readonly<Record<"services" | "routes", readonly Subject[]>>} subjects
   * @param {number} spanMs Time span of the charts.
   */
  update(subjects, spanMs) {
    const current = this.#address.get("list") === "routes" ? "routes" : "services";
    const sort = Object.hasOwn(ORDERS, this.#address.get("sort")) ? this.#address.get("sort") : "trouble";
    const find = this.#address.get("find");
    const isAll = this.#address.get("all") !== "";
    for (const name of LISTS) {
      set(byId(`list-${name}`, HTMLElement), { "aria-pressed": String(name === current) });
      setText(byId(`list-${name}-count`, HTMLElement), count(subjects[name].length));
      byId(name, HTMLElement).hidden = name !== current;
    }
    if (this.#sort.value !== sort) this.#sort.value = sort;
    if (this.#find.value !== find) this.#find.value = find;
    const { found, shown } = this.#lists[current].update(subjects[current], { spanMs, sort, find, isAll });
    const all = subjects[current].length;
    setText(this.#note, found === all ? "" : `${count(found)} of ${count(all)} match "${find}"`);
    const canCollapse = isAll && found > SubjectList.maxUncollapsed;
    this.#more.hidden = shown === found && !canCollapse;
    setText(this.#more, canCollapse ? "Show fewer" : `Show all ${count(found)} ${current}`);
  }

  /** @param {Partial<Record<import("./address.js").Setting, string>>} changes */
  #set(changes) {
    this.#address.change(changes);
    this.#onChange();
  }
}
