/** @import { StateView } from "../api.ts" */
/** @import { Mismatch, Report } from "../../compare/report.ts" */
/** @import { NoisyField } from "./noise_list.js" */
import { askMismatches, askNoise, askReport, markNoise } from "./compare_api.js";
import { Differences, fieldKey } from "./differences.js";
import { byId, html, setText } from "./dom.js";
import { count, finePercent, patternParts, printable } from "./format.js";
import { watchHold } from "./pause_on_interaction.js";
import { KeptLines } from "./noise_config.js";
import { MismatchList } from "./mismatch_list.js";
import { NoiseList } from "./noise_list.js";
import { Thresholds } from "./thresholds.js";
import { VERDICT_WORDS, Verdicts } from "./verdicts.js";

/** The page's second view: did they answer alike? It asks for the report again and again while it is looked at, and else never. */

/** From one answer to the next question. */
const POLL_MS = 2_000;

/** Puts the view together. */
export class Comparison {
  #thresholds = new Thresholds(() => this.#refresh());
  #verdicts = new Verdicts(byId("verdicts", HTMLElement));
  #differences = new Differences(byId("differences", HTMLElement), (field) => this.#callNoise(field));
  #undecided = new Differences(byId("undecided", HTMLElement), (field) => this.#callNoise(field));
  #noise = new NoiseList(byId("noise", HTMLElement));
  #kept = new KeptLines();
  #mismatches = new MismatchList(byId("mismatches", HTMLElement), byId("mismatches-note", HTMLElement));
  #problem = byId("comparison-problem", HTMLElement);
  #said = byId("comparison-said", HTMLElement);

  #isWanted = false;
  /** @type {StateView | undefined} */
  #state;
  /** @type {Report | undefined} */
  #report;
  /** What was called noise, and until which turn the report may not know of it. @type {Map<string, number>} */
  #marked = new Map();
  /** What is wrong with the report, and with what was called noise last. */
  #problems = { report: "", noise: "" };
  #isHeld = false;
  #isListHeld = false;
  #turn = 0;
  /** @type {number | undefined} */
  #timer;

  constructor() {
    for (const id of ["differences", "undecided"]) {
      watchHold(byId(id, HTMLElement), (isHeld) => this.#isHeld = isHeld);
    }
    watchHold(byId("mismatches", HTMLElement), (isHeld) => {
      this.#isListHeld = isHeld;
      this.#draw();
    });
  }

  /** @param {string} hash The address from `#` on, where it leads here. */
  open(hash) {
    this.#thresholds.read(hash);
    this.#refresh();
  }

  /** @param {boolean} isWanted Whether somebody looks at it, and nothing stands still. */
  follow(isWanted) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    this.#refresh();
    if (isWanted && this.#state?.comparing) this.#askKept();
  }

  /** @param {StateView} state The newest state. */
  setState(state) {
    const isNew = state.comparing !== this.#state?.comparing;
    this.#state = state;
    if (!isNew) return;
    byId("comparison-on", HTMLElement).hidden = !state.comparing;
    byId("comparison-off", HTMLElement).hidden = state.comparing;
    this.#refresh();
    if (this.#isWanted && state.comparing) this.#askKept();
  }

  /** Asks now, and from now on. */
  async #refresh() {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    if (!this.#isWanted || !this.#state?.comparing) return;
    try {
      const [report, entries] = await Promise.all([
        askReport(this.#thresholds.query),
        askMismatches(this.#mismatches.last),
      ]);
      if (turn !== this.#turn) return;
      this.#report = report;
      this.#mismatches.add(entries);
      for (const [key, until] of this.#marked) if (until < turn) this.#marked.delete(key);
      this.#complain({ report: "" });
      this.#draw();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#complain({ report: `There is no report: ${messageOf(error)}` });
    }
    this.#timer = setTimeout(() => this.#refresh(), POLL_MS);
  }

  async #askKept() {
    try {
      this.#kept.update(await askNoise());
    } catch {
      // The report that is asked for at the same time says what is wrong.
    }
  }

  /** @param {Mismatch} field A field that is called noise: shown as such at once, and taken back where that fails. */
  async #callNoise(field) {
    const { route, service, endpoint, path } = field;
    const key = fieldKey(field);
    const shownPath = printable(path);
    const at = this.#buttons().findIndex((button) => button === document.activeElement);
    this.#marked.set(key, Infinity);
    this.#draw();
    // The focus would go with the row.
    if (at >= 0) (this.#buttons()[at] ?? this.#buttons().at(-1) ?? byId("differences-title", HTMLElement)).focus();
    try {
      this.#kept.update(await markNoise({ route, service, endpoint, path }));
      this.#marked.set(key, this.#turn);
      this.#complain({ noise: "" });
      setText(this.#said, `${shownPath} counts as noise now. The lines that keep it so stand below.`);
      this.#refresh();
    } catch (error) {
      this.#marked.delete(key);
      this.#complain({ noise: `${shownPath} does not count as noise: ${messageOf(error)}` });
      this.#draw();
    }
  }

  /** @returns {HTMLButtonElement[]} The buttons that can have the focus. */
  #buttons() {
    const isOpen = byId("undecided-fold", HTMLDetailsElement).open;
    return [...this.#differences.buttons, ...(isOpen ? this.#undecided.buttons : [])];
  }

  #draw() {
    const report = this.#report;
    if (report === undefined) return;
    const { mismatches, undecided, noise } = this.#withMarks(report);
    this.#verdicts.update(report.services, this.#thresholds.values);
    setText(byId("verdict-facts", HTMLElement), factsOf(report));
    this.#differences.update(mismatches, { isHeld: this.#isHeld });
    this.#undecided.update(undecided, { isHeld: this.#isHeld });
    this.#noise.update(noise);
    setText(byId("differences-facts", HTMLElement), fieldsText(mismatches.length));
    setText(byId("undecided-count", HTMLElement), count(undecided.length));
    setText(byId("noise-count", HTMLElement), count(noise.length));
    byId("undecided-fold", HTMLElement).hidden = undecided.length === 0;
    byId("noise-fold", HTMLElement).hidden = noise.length === 0;
    this.#drawEmpty(mismatches.length === 0, report);
    if (!this.#isListHeld) this.#mismatches.draw(new Set(noise.map(fieldKey)));
  }

  /**
   * @param {Report} report The report.
   * @returns {{ mismatches: Mismatch[], undecided: Mismatch[], noise: NoisyField[] }} Its fields, as they will be.
   */
  #withMarks({ mismatches, undecided, noise }) {
    const isMarked = (/** @type {Mismatch} */ field) => this.#marked.has(fieldKey(field));
    const known = new Set(noise.map(fieldKey));
    const fresh = [...mismatches, ...undecided].filter((field) => isMarked(field) && !known.has(fieldKey(field)));
    return {
      mismatches: mismatches.filter((field) => !isMarked(field)),
      undecided: undecided.filter((field) => !isMarked(field)),
      noise: [...fresh, ...noise],
    };
  }

  /**
   * @param {boolean} isEmpty Whether no field differs.
   * @param {Report} report The report.
   */
  #drawEmpty(isEmpty, { compared, services }) {
    const empty = byId("differences-empty", HTMLElement);
    empty.hidden = !isEmpty;
    const [first] = services;
    if (compared > 0) {
      setText(empty, "No field differs more often than it does by itself.");
    } else if (first === undefined) {
      setText(empty, "No service stands beside a primary, so there is nothing to compare.");
    } else {
      const command = `curl ${printable(this.#state?.url ?? "http://HOST:PORT")}${patternParts(first.route)[1]}`;
      if (empty.dataset.command === command && empty.childElementCount > 0) return;
      empty.dataset.command = command;
      empty.replaceChildren(
        html("p", { text: "Nothing has been compared yet. Send conductor a request that goes to two services:" }),
        html("p", {}, [html("code", { text: command })]),
      );
    }
  }

  /** @param {{ report?: string, noise?: string }} news What is wrong now, or no longer. */
  #complain(news) {
    this.#problems = { ...this.#problems, ...news };
    const text = Object.values(this.#problems).filter((problem) => problem !== "").join(" ");
    this.#problem.hidden = text === "";
    setText(this.#problem, printable(text));
  }
}

/** @param {Report} report The report. */
function factsOf({ verdict, compared, notComparable, matchRate, services, dropped }) {
  const facts = [
    // With one service its card says it.
    ...(services.length > 1 ? [VERDICT_WORDS[verdict].toLowerCase(), `${finePercent(matchRate)} alike`] : []),
    `${count(compared)} comparisons`,
    ...(notComparable > 0 ? [`${count(notComparable)} not comparable`] : []),
    ...(dropped > 0 ? [`no memory for ${count(dropped)} details`] : []),
  ];
  return facts.join(" · ");
}

/** @param {number} fields How many. */
function fieldsText(fields) {
  if (fields === 0) return "";
  return fields === 1 ? "1 field, more often than by itself" : `${count(fields)} fields, more often than by themselves`;
}

/** @param {unknown} error What was thrown. */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
