import { byId, setText } from "./dom.js";

/** The lines of the configuration that keep what was called noise, to be copied from the page. */
export class KeptLines {
  #section = byId("kept", HTMLElement);
  #lines = byId("kept-lines", HTMLElement);
  #copy = byId("kept-copy", HTMLButtonElement);
  #show = byId("kept-show", HTMLButtonElement);
  #said = byId("kept-said", HTMLElement);

  constructor() {
    this.#copy.addEventListener("click", () => this.#copied());
    this.#show.addEventListener("click", () => {
      this.#section.scrollIntoView({ block: "nearest" });
      this.#copy.focus();
    });
  }

  /** @param {string} yaml The lines; empty where there are none. */
  update(yaml) {
    this.#section.hidden = this.#show.hidden = yaml === "";
    if (this.#lines.textContent !== yaml) setText(this.#said, "");
    setText(this.#lines, yaml);
  }

  async #copied() {
    try {
      // Only there where the page is from this machine or over TLS.
      await navigator.clipboard.writeText(this.#lines.textContent ?? "");
      setText(this.#said, "Copied");
    } catch {
      getSelection()?.selectAllChildren(this.#lines);
      setText(this.#said, "Selected: copy it with the keyboard");
    }
  }
}
