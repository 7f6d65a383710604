/** Lists whose rows stay the same elements as long as what they are about stays: what is open or has the focus keeps it. */

/**
 * @template Item
 * @template {{ readonly element: Element }} Row
 * @typedef {object} Making How rows are made.
 * @property {(item: Item) => string} key What an item is about.
 * @property {(item: Item) => Row} make Makes its row, which may still be empty.
 * @property {(row: Row, item: Item) => void} [fill] Writes what can change into it.
 */

/**
 * A list that follows its items.
 *
 * @template Item
 * @template {{ readonly element: Element }} Row
 */
export class KeyedList {
  #list;
  #making;
  /** @type {Map<string, Row>} */
  #rows = new Map();

  /**
   * @param {Element} list Where the rows go.
   * @param {Making<Item, Row>} making How they are made.
   */
  constructor(list, making) {
    this.#list = list;
    this.#making = making;
  }

  /** @returns {readonly Row[]} The rows, in their order. */
  get rows() {
    return [...this.#rows.values()];
  }

  /**
   * Shows items.
   *
   * @param {readonly Item[]} items All of them.
   * @param {{ isHeld?: boolean }} [options] Whether rows stay where they are, and new ones come last.
   */
  update(items, { isHeld = false } = {}) {
    const { key, make, fill } = this.#making;
    const before = this.#rows;
    const keys = [...before.keys()];
    const place = (/** @type {Item} */ item) => before.has(key(item)) ? keys.indexOf(key(item)) : keys.length;
    const shown = isHeld ? items.toSorted((a, b) => place(a) - place(b)) : items;
    this.#rows = new Map(shown.map((item) => [key(item), before.get(key(item)) ?? make(item)]));
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
