/** @import { StateView } from "../api.ts" */
import { html, set } from "./dom.js";
import { clock, printable } from "./format.js";

/**
 * Shows the reason of a refused reload, until a reload is applied.
 *
 * @param {HTMLElement} element
 * @param {StateView} state
 */
export function drawReloadNotice(element, { reloads }) {
  const isRefused = reloads?.isSuccessful === false;
  if (element.hidden !== !isRefused) element.hidden = !isRefused;
  // Screen readers announce each change of an alert.
  const reload = isRefused ? String(reloads.refused) : "";
  if (element.dataset.reload === reload) return;
  set(element, { "data-reload": reload });
  if (!isRefused) return element.replaceChildren();
  const time = clock(reloads.lastAttemptMs).slice(0, 8);
  const heading = `The reload at ${time} was refused. The previous configuration is still in use.`;
  const problems = reloads.problems.map((problem) => html("li", { text: printable(problem) }));
  element.replaceChildren(html("p", { text: heading }), html("ul", {}, problems));
}
