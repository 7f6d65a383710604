/** A list whose rows keep their elements while their items remain, so that open and focused rows stay as they are. */

/**
 * @template Item
 * @template {{ readonly element: Element }} Row
 * @typedef {object} RowOptions
 * @property {(item: Item) => string} key Returns the identity of an item.
 * @property {(item: Item) => Row} create Creates the row of an item, which may be empty.
 * @property {(row: Row, item: Item) => void} [fill] Writes the changeable parts of an item into its row.
 */

/**
 * @template Item
 * @template {{ readonly element: Element }} Row
 */
export class KeyedList {
  #list;
  #options;
  /** @type {Map<string, Row>} */
  #rows = new Map();

  /**
   * @param {Element} list
   * @param {RowOptions<Item, Row>} options
   */
  constructor(list, options) {
    this.#list = list;
    this.#options = options;
  }

  /** @returns {readonly Row[]} Rows in their order. */
  get rows() {
    return [...this.#rows.values()];
  }

  /**
   * Shows items. With `isPaused`, known rows keep their places, and new rows are appended.
   *
   * @param {readonly Item[]} items
   * @param {{ isPaused?: boolean }} [options]
   */
  update(items, { isPaused = false } = {}) {
    const { key, create, fill } = this.#options;
    const before = this.#rows;
    const keys = [...before.keys()];
    const placeOf = (/** @type {Item} */ item) => before.has(key(item)) ? keys.indexOf(key(item)) : keys.length;
    const shown = isPaused ? items.toSorted((a, b) => placeOf(a) - placeOf(b)) : items;
    this.#rows = new Map(shown.map((item) => [key(item), before.get(key(item)) ?? create(item)]));
    for (const [key, { element }] of before) if (!this.#rows.has(key)) element.remove();
    let next = this.#list.firstElementChild;
    for (const { element } of this.#rows.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    if (fill === undefined) return;
    for (const item of shown) fill(/** @type {Row} */ (this.#rows.get(key(item))), item);
  }
}
