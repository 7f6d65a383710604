import { html, setText } from "./dom.js";

/** The tooltip of all charts. Only one is visible at a time. */

/** Distance from the edges of the window, in CSS pixels. */
const MARGIN = 8;

/** A box with text above a chart. */
export class ChartTooltip {
  // Charts that keys can reach announce their values themselves.
  #element = html("div", { class: "tooltip", "aria-hidden": "true", hidden: "" });
  /** @type {Element | undefined} */
  #owner;

  /**
   * Shows lines of text for a chart.
   *
   * @param {Element} owner The chart.
   * @param {{ x: number, lines: readonly string[] }} content Horizontal position in the window, and the lines.
   */
  show(owner, { x, lines }) {
    if (!this.#element.isConnected) document.body.append(this.#element);
    this.#owner = owner;
    setText(this.#element, lines.join("\n"));
    this.#element.hidden = false;
    const { width, height } = this.#element.getBoundingClientRect();
    const { top, bottom } = owner.getBoundingClientRect();
    const left = Math.min(document.documentElement.clientWidth - width - MARGIN, Math.max(MARGIN, x - width / 2));
    const above = top - height - MARGIN;
    this.#element.style.left = `${left}px`;
    this.#element.style.top = `${above < MARGIN ? bottom + MARGIN : above}px`;
  }

  /** @param {Element} owner Chart whose tooltip is hidden; another chart's tooltip remains. */
  hide(owner) {
    if (this.#owner !== owner) return;
    this.#owner = undefined;
    this.#element.hidden = true;
  }
}
