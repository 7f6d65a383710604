import { byId, set } from "./dom.js";

/** Settings of the traffic view in the fragment of the URL, such as `#traffic?route=…`: they have links, and survive a reload. */

/** @typedef {"route" | "service" | "outcome" | "text" | "id" | "list" | "sort" | "find" | "all" | "map"} Setting */

/** The fragment of the traffic view. */
export class Address {
  #link = byId("traffic-link", HTMLAnchorElement);
  #settings = new URLSearchParams();

  /**
   * Reads the settings of a fragment.
   *
   * @param {string} hash
   */
  read(hash) {
    this.#settings = new URLSearchParams(/^#traffic\?(.*)$/s.exec(hash)?.[1] ?? "");
    set(this.#link, { href: this.hash() });
  }

  /**
   * Returns a setting, which is empty by default.
   *
   * @param {Setting} name
   * @returns {string}
   */
  get(name) {
    return this.#settings.get(name) ?? "";
  }

  /**
   * Changes settings. A new entry of the history lets the browser's button return to the settings before.
   *
   * @param {Partial<Record<Setting, string>>} changes
   * @param {{ isNewEntry?: boolean }} [options]
   */
  change(changes, { isNewEntry = false } = {}) {
    const hash = this.hash(changes);
    if (hash === this.hash()) return;
    if (isNewEntry) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
    this.read(hash);
  }

  /**
   * Returns the fragment, with changes.
   *
   * @param {Partial<Record<Setting, string>>} [changes]
   * @returns {string}
   */
  hash(changes = {}) {
    const settings = new URLSearchParams(this.#settings);
    for (const [name, value] of Object.entries(changes)) {
      if (value === "") settings.delete(name);
      else settings.set(name, value);
    }
    return settings.size === 0 ? "#traffic" : `#traffic?${settings}`;
  }
}
