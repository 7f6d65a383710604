import { html, setText } from "./dom.js";

/**
 * Returns a button that copies a text. Browsers have no clipboard for pages from another machine without TLS: there, the
 * text is shown and selected.
 *
 * @param {string} label
 * @param {() => string} text
 * @returns {HTMLElement}
 */
export function copyButton(label, text) {
  const button = html("button", { type: "button", class: "button", text: label });
  const status = html("span", { class: "copy-status aside", role: "status" });
  const shown = html("pre", { class: "copy-text", tabindex: 0, role: "region", "aria-label": label, hidden: "" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      setText(status, "Copied");
    } catch {
      setText(shown, text());
      shown.hidden = false;
      getSelection()?.selectAllChildren(shown);
      setText(status, "Selected: copy it with the keyboard");
    }
  });
  return html("div", { class: "copy" }, [button, status, shown]);
}
