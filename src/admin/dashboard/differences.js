/** @import { Mismatch } from "../../compare/report.ts" */
import { html, set, setText } from "./dom.js";
import { count, finePercent, patternParts, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";
import { sampleRow } from "./sample_row.js";

/** Fields that differ, by endpoint, with samples of both values side by side. */

/** Number of samples shown at once. The others are in a fold. */
const OPEN_SAMPLES = 2;

/** Maximum number of fields. The report has up to 500. */
const MAX_FIELDS = 100;

/** @typedef {{ key: string, fields: readonly [Mismatch, ...Mismatch[]] }} Group The fields of one endpoint of a service. */

/**
 * Returns the identity of a field.
 *
 * @param {Pick<Mismatch, "route" | "service" | "endpoint" | "path">} field
 * @returns {string}
 */
export function fieldKey({ route, service, endpoint, path }) {
  return JSON.stringify([route, service, endpoint, path]);
}

/** A list of endpoints with their fields. */
export class Differences {
  #groups;
  #more = html("li", { class: "aside endpoint-more" });
  #list;
  #isPaused = false;

  /**
   * @param {HTMLElement} list
   * @param {(field: Mismatch) => void} onNoise Called when a field is marked as noise.
   */
  constructor(list, onNoise) {
    this.#list = list;
    this.#groups = new KeyedList(list, {
      key: (/** @type {Group} */ { key }) => key,
      create: ({ fields: [first] }) => endpointGroup(first, onNoise),
      fill: (parts, { fields }) => {
        const [{ compared }] = fields;
        setText(parts.facts, `${count(compared)} comparisons`);
        parts.rows.update(fields, { isPaused: this.#isPaused });
      },
    });
  }

  /**
   * Shows fields. With `isPaused`, known rows keep their places.
   *
   * @param {readonly Mismatch[]} fields The highest rates first.
   * @param {{ isPaused?: boolean }} [options]
   */
  update(fields, { isPaused = false } = {}) {
    this.#isPaused = isPaused;
    this.#more.remove();
    this.#groups.update(groupByEndpoint(fields.slice(0, MAX_FIELDS)), { isPaused });
    if (fields.length <= MAX_FIELDS) return;
    setText(this.#more, `and ${count(fields.length - MAX_FIELDS)} more: see GET /api/report`);
    this.#list.append(this.#more);
  }

  /** @returns {HTMLButtonElement[]} Buttons of the rows in their order. */
  get buttons() {
    return this.#groups.rows.flatMap(({ rows }) => rows.rows.map(({ button }) => button));
  }
}

/**
 * Groups fields by endpoint, in the order of the first field of each.
 *
 * @param {readonly Mismatch[]} fields
 * @returns {Group[]}
 */
function groupByEndpoint(fields) {
  /** @type {Map<string, [Mismatch, ...Mismatch[]]>} */
  const groups = new Map();
  for (const field of fields) {
    const key = fieldKey({ ...field, path: "" });
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [field]);
    else group.push(field);
  }
  return [...groups].map(([key, fields]) => ({ key, fields }));
}

/**
 * @param {Pick<Mismatch, "route" | "service" | "endpoint">} endpoint
 * @param {(field: Mismatch) => void} onNoise
 */
function endpointGroup({ route, service, endpoint }, onNoise) {
  const facts = html("span", { class: "endpoint-facts" });
  const list = html("ul", { class: "fields" });
  const [method = "", ...path] = endpoint.split(" ");
  const element = html("li", { class: "endpoint" }, [
    html("div", { class: "endpoint-head" }, [
      html("h3", {}, [
        html("span", { class: "method", text: printable(method) }),
        " ",
        html("span", { class: "endpoint-path", text: printable(path.join(" ")) }),
      ]),
      html("p", { class: "aside" }, [
        html("span", { class: "endpoint-service", text: printable(service) }),
        ` on ${patternParts(route)[1]} · `,
        facts,
      ]),
    ]),
    list,
  ]);
  const rows = new KeyedList(list, {
    key: fieldKey,
    create: (/** @type {Mismatch} */ field) => fieldRow(field, onNoise),
    fill: fillRow,
  });
  return { element, facts, rows };
}

/**
 * @param {Mismatch} field
 * @param {(field: Mismatch) => void} onNoise
 */
function fieldRow(field, onNoise) {
  const path = printable(field.path);
  const button = html("button", { type: "button", class: "button noise-button" }, [
    "Mark as noise",
    html("span", { class: "visually-hidden", text: path }),
  ]);
  button.addEventListener("click", ({ detail }) => {
    // The first click removes the row, so the second click of a double click would hit the next row.
    if (detail < 2) onNoise(field);
  });
  const rates = rateBars();
  const counts = html("span", { class: "field-counts" });
  const open = html("ol", { class: "samples" });
  const folded = html("ol", { class: "samples" });
  const summary = html("summary");
  const fold = html("details", { class: "more-samples" }, [summary, folded]);
  const element = html("li", { class: "field" }, [
    html("div", { class: "field-head" }, [
      html("div", { class: "field-name" }, [html("h4", {}, [html("code", { text: path })]), counts]),
      rates.element,
      button,
    ]),
    html("div", { class: "field-samples" }, [
      html("div", { class: "sides samples-head", "aria-hidden": "true" }, [
        html("span", { text: "primary" }),
        html("span", { class: "truncated", text: printable(field.service) }),
      ]),
      open,
      fold,
    ]),
  ]);
  return { element, button, rates, counts, open, folded, summary, fold, samples: "" };
}

/**
 * @param {ReturnType<typeof fieldRow>} parts
 * @param {Mismatch} field
 */
function fillRow(parts, { differing, compared, rate, noiseRate, samples }) {
  setText(parts.counts, `${count(differing)} of ${count(compared)} differ`);
  parts.rates.update(rate, noiseRate);
  const known = JSON.stringify(samples);
  if (known === parts.samples) return;
  parts.samples = known;
  const rows = samples.map(sampleRow);
  parts.open.replaceChildren(...rows.slice(0, OPEN_SAMPLES));
  parts.folded.replaceChildren(...rows.slice(OPEN_SAMPLES));
  const folded = samples.length - OPEN_SAMPLES;
  parts.fold.hidden = folded <= 0;
  if (parts.open.parentElement !== null) parts.open.parentElement.hidden = samples.length === 0;
  setText(parts.summary, folded === 1 ? "1 more sample" : `${folded} more samples`);
}

/** Creates two bars: the ratio of comparisons in which a field differs, and the same ratio of the primary with itself. */
export function rateBars() {
  const [differs, noise] = [rateBar("differs"), rateBar("noise")];
  const element = html("dl", { class: "rates" }, [differs.element, noise.element]);
  return {
    element,
    /**
     * @param {number} rate
     * @param {number} noiseRate
     */
    update(rate, noiseRate) {
      differs.update(rate);
      noise.update(noiseRate);
    },
  };
}

/** @param {string} name */
function rateBar(name) {
  const value = html("span", { class: "rate-value" });
  const fill = html("span", { class: "rate-fill" });
  const element = html("div", { class: "rate", "data-rate": name }, [
    html("dt", { text: name }),
    html("dd", {}, [html("span", { class: "rate-track", "aria-hidden": "true" }, [fill]), value]),
  ]);
  return {
    element,
    /** @param {number} ratio */
    update(ratio) {
      setText(value, finePercent(ratio));
      fill.style.width = `${ratio * 100}%`;
      set(fill, { "data-empty": ratio === 0 });
    },
  };
}
