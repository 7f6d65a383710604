import { byId, set, setText } from "./dom.js";

/** The views of the page. The fragment of the URL selects the view, so that views have links and a history. */

/** @typedef {"traffic" | "comparison"} View */

/** Target and text of the skip link of each view. @type {Readonly<Record<View, readonly [id: string, text: string]>>} */
const SKIP_LINKS = {
  traffic: ["exchanges", "Skip to recent exchanges"],
  comparison: ["differences-title", "Skip to mismatches"],
};

/** Switches between the views. */
export class Views {
  /** @type {View} */
  current = "traffic";
  #onChange;

  /** @param {(view: View) => void} onChange Called when the view or its fragment changes. */
  constructor(onChange) {
    this.#onChange = onChange;
    const skip = byId("skip", HTMLAnchorElement);
    // The fragment selects the view, so the skip link must not change it.
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      const target = byId(SKIP_LINKS[this.current][0], HTMLElement);
      target.scrollIntoView();
      target.focus();
    });
    addEventListener("hashchange", () => this.#show());
    // Deferred, because the callback uses the object that this constructor returns.
    queueMicrotask(() => this.#show());
  }

  #show() {
    this.current = /^#comparison(?:$|\?)/.test(location.hash) ? "comparison" : "traffic";
    for (const view of /** @type {const} */ (["traffic", "comparison"])) {
      const isCurrent = view === this.current;
      byId(`${view}-view`, HTMLElement).hidden = !isCurrent;
      set(byId(`${view}-link`, HTMLElement), { "aria-current": isCurrent ? "page" : undefined });
    }
    setText(byId("skip", HTMLElement), SKIP_LINKS[this.current][1]);
    this.#onChange(this.current);
  }
}
