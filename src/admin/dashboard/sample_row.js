/** @import { MismatchSample } from "../../compare/report.ts" */
import { html } from "./dom.js";
import { requestDetails } from "./request_details.js";
import { printable } from "./format.js";

/** Two values side by side, with their difference highlighted. */

/** @typedef {readonly [before: string, differing: string, after: string]} Parts A text around its differing part. */

/**
 * Splits two texts around the part that differs: between their common beginning and their common end. Characters outside the
 * basic plane stay whole.
 *
 * @param {string} expected
 * @param {string} actual
 * @returns {readonly [Parts, Parts]}
 */
export function differingParts(expected, actual) {
  const [a, b] = [Array.from(expected), Array.from(actual)];
  const minLength = Math.min(a.length, b.length);
  let start = 0;
  while (start < minLength && a[start] === b[start]) start++;
  let tail = 0;
  while (tail < minLength - start && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const parts = (/** @type {string[]} */ text) => /** @type {const} */ ([
    text.slice(0, start).join(""),
    text.slice(start, text.length - tail).join(""),
    text.slice(text.length - tail).join(""),
  ]);
  return [parts(a), parts(b)];
}

/**
 * Returns the values of the primary and of the service. A value that is `undefined` is shown as absent.
 *
 * @param {{ readonly expected?: string, readonly actual?: string }} values
 * @returns {[HTMLElement, HTMLElement]}
 */
export function valuePair({ expected, actual }) {
  if (expected === undefined || actual === undefined) {
    return [side("Primary", plainValue(expected)), side("Service", plainValue(actual))];
  }
  const [primary, service] = differingParts(printable(expected), printable(actual));
  // Without anything in common, a highlight would cover the whole value.
  const isHighlighted = primary[0] !== "" || primary[2] !== "";
  return [
    side("Primary", isHighlighted ? highlighted(primary) : plainValue(expected)),
    side("Service", isHighlighted ? highlighted(service) : plainValue(actual)),
  ];
}

/**
 * Returns a row with both values, the request, and the bodies if they were kept.
 *
 * @param {MismatchSample} sample
 * @returns {HTMLLIElement}
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
    html("div", { class: "sides" }, valuePair(sample)),
    html("p", { class: "sample-request" }, [
      html("span", { class: "method", text: printable(method) }),
      " ",
      html("span", { class: "sample-path", text: printable(path) }),
      " ",
      html("span", { class: "request-id", title: `Request id ${printable(requestId)}`, text: printable(requestId) }),
    ]),
    ...requestDetails(sample),
    ...bodies,
  ]);
}

/**
 * @param {string} owner
 * @param {readonly (Node | string)[]} value
 */
function side(owner, value) {
  return html("div", { class: "side", "data-side": owner.toLowerCase() }, [
    html("span", { class: "visually-hidden", text: `${owner}: ` }),
    html("code", {}, value),
  ]);
}

/** @param {string | undefined} text */
function plainValue(text) {
  return [text === undefined ? html("span", { class: "absent", text: "absent" }) : printable(text)];
}

/** @param {Parts} parts */
function highlighted([before, differing, after]) {
  return differing === "" ? [before + after] : [before, html("mark", { text: differing }), after];
}

/**
 * @param {string} owner
 * @param {string | undefined} text Beginning of the body.
 */
function body(owner, text) {
  return html("pre", {
    tabindex: 0,
    role: "region",
    "aria-label": `Body of the ${owner.toLowerCase()}`,
    text: printable(text ?? ""),
  });
}
