/** Elements are made here and nowhere else: text goes in as text, so nothing from the wire can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Readonly<Record<string, string | number | boolean | undefined>>} Attributes */

/**
 * Makes an HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag Its name.
 * @param {Attributes} [attributes] Its attributes; `false` and `undefined` leave one out. `text` is its text.
 * @param {readonly (Node | string)[]} [children] What is in it.
 * @returns {HTMLElementTagNameMap[Tag]} The element.
 */
export function html(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Makes an SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag Its name.
 * @param {Attributes} [attributes] Its attributes, as for {@linkcode html}.
 * @param {readonly (Node | string)[]} [children] What is in it.
 * @returns {SVGElementTagNameMap[Tag]} The element.
 */
export function svg(tag, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Sets attributes, where they differ from what is there.
 *
 * @param {Element} element The element.
 * @param {Attributes} attributes Its attributes, as for {@linkcode html}.
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") setText(element, String(value ?? ""));
    else if (value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/**
 * Sets an element's text, where it differs from what is there.
 *
 * @param {Element} element The element.
 * @param {string} text The text.
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Finds an element of the page.
 *
 * @template {Element} Kind
 * @param {string} id Its id.
 * @param {new () => Kind} kind What it is.
 * @returns {Kind} The element.
 * @throws {Error} Where the page has none.
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`Cannot find "${id}" in the page`);
  return element;
}
