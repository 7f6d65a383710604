/** @import { Mismatch } from "../../compare/report.ts" */
import { html, set, setText } from "./dom.js";
import { count, finePercent, patternParts, printable } from "./format.js";
import { KeyedList } from "./keyed_list.js";
import { sampleRow } from "./sample_row.js";

/** The fields that differ, by endpoint, with samples of both values side by side. */

/** How many samples are seen at once; the others are a click away. */
const OPEN_SAMPLES = 2;

/** As many rows can still be read. The report has up to 500. */
const MAX_ROWS = 100;

/** @typedef {{ key: string, fields: readonly [Mismatch, ...Mismatch[]] }} Group The fields of one endpoint of a service. */

/**
 * Names a field.
 *
 * @param {Pick<Mismatch, "route" | "service" | "endpoint" | "path">} field The field.
 * @returns {string} The same text for the same field.
 */
export function fieldKey({ route, service, endpoint, path }) {
  return JSON.stringify([route, service, endpoint, path]);
}

/** A list of endpoints with their fields. */
export class Differences {
  #groups;
  #more = html("li", { class: "aside endpoint-more" });
  #list;
  #isHeld = false;

  /**
   * @param {HTMLElement} list Where they go.
   * @param {(field: Mismatch) => void} onNoise Told when a field is called noise.
   */
  constructor(list, onNoise) {
    this.#list = list;
    this.#groups = new KeyedList(list, {
      key: (/** @type {Group} */ { key }) => key,
      make: ({ fields: [{ route, service, endpoint }] }) => group({ route, service, endpoint }, onNoise),
      fill: (parts, { fields }) => {
        const [{ compared }] = fields;
        setText(parts.facts, `${count(compared)} compared`);
        parts.rows.update(fields, { isHeld: this.#isHeld });
      },
    });
  }

  /**
   * Shows fields.
   *
   * @param {readonly Mismatch[]} fields The fields, those that differ most often first.
   * @param {{ isHeld?: boolean }} [options] Whether all stays where it is.
   */
  update(fields, { isHeld = false } = {}) {
    this.#isHeld = isHeld;
    this.#more.remove();
    this.#groups.update(grouped(fields.slice(0, MAX_ROWS)), { isHeld });
    if (fields.length <= MAX_ROWS) return;
    setText(this.#more, `and ${count(fields.length - MAX_ROWS)} more, which GET /api/report has`);
    this.#list.append(this.#more);
  }

  /** @returns {HTMLButtonElement[]} The rows' buttons, in their order. */
  get buttons() {
    return this.#groups.rows.flatMap(({ rows }) => rows.rows.map(({ button }) => button));
  }
}

/**
 * @param {readonly Mismatch[]} fields The fields.
 * @returns {Group[]} The same by endpoint, in the order of each one's first field.
 */
function grouped(fields) {
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
 * @param {Pick<Mismatch, "route" | "service" | "endpoint">} about What it is about.
 * @param {(field: Mismatch) => void} onNoise Told when a field is called noise.
 */
function group({ route, service, endpoint }, onNoise) {
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
    make: (/** @type {Mismatch} */ field) => row(field, onNoise),
    fill,
  });
  return { element, facts, rows };
}

/**
 * @param {Mismatch} field A field.
 * @param {(field: Mismatch) => void} onNoise Told when it is called noise.
 */
function row(field, onNoise) {
  const path = printable(field.path);
  const button = html("button", { type: "button", class: "button noise-button" }, [
    "This is noise",
    html("span", { class: "visually-hidden", text: path }),
  ]);
  button.addEventListener("click", ({ detail }) => {
    // The second click of a double one would meet the next row.
    if (detail < 2) onNoise(field);
  });
  const rates = rateBars();
  const times = html("span", { class: "field-times" });
  const open = html("ol", { class: "samples" });
  const others = html("ol", { class: "samples" });
  const summary = html("summary");
  const more = html("details", { class: "more-samples" }, [summary, others]);
  const element = html("li", { class: "field" }, [
    html("div", { class: "field-head" }, [
      html("div", { class: "field-name" }, [html("h4", {}, [html("code", { text: path })]), times]),
      rates.element,
      button,
    ]),
    html("div", { class: "field-samples" }, [
      html("div", { class: "sides samples-head", "aria-hidden": "true" }, [
        html("span", { text: "primary" }),
        html("span", { class: "cut", text: printable(field.service) }),
      ]),
      open,
      more,
    ]),
  ]);
  return { element, button, rates, times, open, others, summary, more, samples: "" };
}

/**
 * @param {ReturnType<typeof row>} parts A row.
 * @param {Mismatch} field The field.
 */
function fill(parts, { differing, compared, rate, noiseRate, samples }) {
  setText(parts.times, `${count(differing)} of ${count(compared)} differ`);
  parts.rates.update(rate, noiseRate);
  const known = JSON.stringify(samples);
  if (known === parts.samples) return;
  parts.samples = known;
  const rows = samples.map(sampleRow);
  parts.open.replaceChildren(...rows.slice(0, OPEN_SAMPLES));
  parts.others.replaceChildren(...rows.slice(OPEN_SAMPLES));
  const hidden = samples.length - OPEN_SAMPLES;
  parts.more.hidden = hidden <= 0;
  if (parts.open.parentElement !== null) parts.open.parentElement.hidden = samples.length === 0;
  setText(parts.summary, hidden === 1 ? "1 more sample" : `${hidden} more samples`);
}

/** How often a field differs, above how often it does by itself. */
export function rateBars() {
  const [differs, itself] = [bar("differs"), bar("by itself")];
  const element = html("dl", { class: "rates" }, [differs.element, itself.element]);
  return {
    element,
    /**
     * @param {number} rate The share of the comparisons that differ.
     * @param {number} noiseRate The share of those of the primary with itself.
     */
    update(rate, noiseRate) {
      differs.update(rate);
      itself.update(noiseRate);
    },
  };
}

/** @param {string} name What it shows. */
function bar(name) {
  const value = html("span", { class: "rate-value" });
  const fill = html("span", { class: "rate-fill" });
  const element = html("div", { class: "rate", "data-rate": name }, [
    html("dt", { text: name }),
    html("dd", {}, [html("span", { class: "rate-track", "aria-hidden": "true" }, [fill]), value]),
  ]);
  return {
    element,
    /** @param {number} share Of the comparisons. */
    update(share) {
      setText(value, finePercent(share));
      fill.style.width = `${share * 100}%`;
      set(fill, { "data-none": share === 0 });
    },
  };
}
