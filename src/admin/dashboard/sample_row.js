/** @import { MismatchSample } from "../../compare/report.ts" */
import { html } from "./dom.js";
import { printable } from "./format.js";

/** Two values beside each other, and what of them is not the same. */

/** @typedef {readonly [before: string, differing: string, after: string]} Parts A text, and what of it the other has not. */

/**
 * Finds what differs between two texts: all between what they have in common at both ends.
 *
 * @param {string} one A text.
 * @param {string} other Another one.
 * @returns {readonly [Parts, Parts]} Both in parts; characters are never cut in two.
 */
export function differingParts(one, other) {
  const [a, b] = [Array.from(one), Array.from(other)];
  const shorter = Math.min(a.length, b.length);
  let from = 0;
  while (from < shorter && a[from] === b[from]) from++;
  let rest = 0;
  while (rest < shorter - from && a.at(-1 - rest) === b.at(-1 - rest)) rest++;
  const parts = (/** @type {string[]} */ text) => /** @type {const} */ ([
    text.slice(0, from).join(""),
    text.slice(from, text.length - rest).join(""),
    text.slice(text.length - rest).join(""),
  ]);
  return [parts(a), parts(b)];
}

/**
 * Shows two values of a field.
 *
 * @param {{ readonly expected?: string, readonly actual?: string }} values Both; one that is absent was not there.
 * @returns {[HTMLElement, HTMLElement]} The primary's, and the service's.
 */
export function sidesOf({ expected, actual }) {
  if (expected === undefined || actual === undefined) {
    return [side("Primary", plainly(expected)), side("Service", plainly(actual))];
  }
  const [one, other] = differingParts(printable(expected), printable(actual));
  // Where nothing is common there is nothing to point at.
  const isMarked = one[0] !== "" || one[2] !== "";
  return [
    side("Primary", isMarked ? marked(one) : plainly(expected)),
    side("Service", isMarked ? marked(other) : plainly(actual)),
  ];
}

/**
 * Shows a sample: both values, the request, and the bodies where they are kept.
 *
 * @param {MismatchSample} sample The sample.
 * @returns {HTMLLIElement} A row.
 */
export function sampleRow(sample) {
  const { method, path, requestId, expectedBody, actualBody } = sample;
  const bodies = expectedBody === undefined && actualBody === undefined ? [] : [
    html("details", { class: "bodies" }, [
      html("summary", { text: "Bodies" }),
      html("div", { class: "sides" }, [body("Primary", expectedBody), body("Service", actualBody)]),
    ]),
  ];
  return html("li", { class: "sample" }, [
    html("div", { class: "sides" }, sidesOf(sample)),
    html("p", { class: "sample-request" }, [
      html("span", { class: "method", text: printable(method) }),
      " ",
      html("span", { class: "sample-path", text: printable(path) }),
      " ",
      html("span", { class: "request-id", title: `Request id ${printable(requestId)}`, text: printable(requestId) }),
    ]),
    ...bodies,
  ]);
}

/**
 * @param {string} whose Whose value it is.
 * @param {readonly (Node | string)[]} value The value.
 */
function side(whose, value) {
  return html("div", { class: "side", "data-side": whose.toLowerCase() }, [
    html("span", { class: "visually-hidden", text: `${whose}: ` }),
    html("code", {}, value),
  ]);
}

/** @param {string | undefined} text A value. */
function plainly(text) {
  return [text === undefined ? html("span", { class: "nothing", text: "not there" }) : printable(text)];
}

/** @param {Parts} parts A value in parts. */
function marked([before, differing, after]) {
  return differing === "" ? [before + after] : [before, html("mark", { text: differing }), after];
}

/**
 * @param {string} whose Whose body it is.
 * @param {string | undefined} text The beginning of it.
 */
function body(whose, text) {
  return html("pre", { tabindex: 0, role: "region", "aria-label": `${whose}'s body`, text: printable(text ?? "") });
}
