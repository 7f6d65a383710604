import { byId, set, setText } from "./dom.js";

/** Which of both views is shown: the address says it, so that each can be linked to, and the browser goes back. */

/** @typedef {"traffic" | "comparison"} View */

/** Where the skip link of each leads, and what it says. @type {Readonly<Record<View, readonly [id: string, text: string]>>} */
const SKIPS = {
  traffic: ["exchanges", "Skip to recent exchanges"],
  comparison: ["differences-title", "Skip to what differs"],
};

/** The views of the page. */
export class Views {
  /** @type {View} The one that is shown. */
  current = "traffic";
  #onChange;

  /** @param {(view: View) => void} onChange Told which is shown, also where its address has changed. */
  constructor(onChange) {
    this.#onChange = onChange;
    const skip = byId("skip", HTMLAnchorElement);
    // The address is for the views.
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      const target = byId(SKIPS[this.current][0], HTMLElement);
      target.scrollIntoView();
      target.focus();
    });
    addEventListener("hashchange", () => this.#show());
    // Who asked for the views has them only when this is done.
    queueMicrotask(() => this.#show());
  }

  #show() {
    this.current = /^#comparison(?:$|\?)/.test(location.hash) ? "comparison" : "traffic";
    for (const view of /** @type {const} */ (["traffic", "comparison"])) {
      const isCurrent = view === this.current;
      byId(`${view}-view`, HTMLElement).hidden = !isCurrent;
      set(byId(`${view}-link`, HTMLElement), { "aria-current": isCurrent ? "page" : undefined });
    }
    setText(byId("skip", HTMLElement), SKIPS[this.current][1]);
    this.#onChange(this.current);
  }
}
