/** @import { StateView } from "../api.ts" */
/** @import { Mismatch, NoisyField, Report, ReportedMark } from "../../compare/report.ts" */
import { fetchMismatches, fetchNoiseConfig, fetchReport, markNoise, resetReport, unmarkNoise } from "./compare_api.js";
import { Differences, fieldKey } from "./differences.js";
import { byId, html, setText } from "./dom.js";
import { clock, count, finePercent, patternParts, printable } from "./format.js";
import { MismatchList } from "./mismatch_list.js";
import { MarkList, NoiseConfig, NoiseList } from "./noise.js";
import { pauseOnInteraction } from "./pause_on_interaction.js";
import { Thresholds } from "./thresholds.js";
import { VERDICT_LABELS, Verdicts } from "./verdicts.js";

/** The comparison view. It polls the report while it is visible, and sends no requests otherwise. */

/** Time from a report to the next request. */
const POLL_MS = 2_000;
/** Maximum fields that are named as never comparable. */
const MAX_NAMED = 5;

/** Controller of the view. */
export class Comparison {
  #thresholds = new Thresholds(() => this.#refresh());
  #verdicts = new Verdicts(byId("verdicts", HTMLElement));
  #differences = new Differences(byId("differences", HTMLElement), (field) => this.#markNoise(field));
  #undecided = new Differences(byId("undecided", HTMLElement), (field) => this.#markNoise(field));
  #noise = new NoiseList(byId("noise", HTMLElement));
  #noiseConfig = new NoiseConfig();
  #markList = new MarkList(byId("noise-marks", HTMLElement), (mark) => this.#undo(mark));
  #neverComparable = byId("never-comparable", HTMLElement);
  #mismatches = new MismatchList(byId("mismatches", HTMLElement), byId("mismatches-note", HTMLElement));
  #problem = byId("comparison-problem", HTMLElement);
  #announcement = byId("comparison-announcement", HTMLElement);

  #isActive = false;
  /** @type {StateView | undefined} */
  #state;
  /** @type {Report | undefined} */
  #report;
  /** Noise marks by field key, with the last refresh whose report may not contain them yet. @type {Map<string, number>} */
  #marks = new Map();
  #problems = { report: "", noise: "" };
  #areFieldsPaused = false;
  #isListPaused = false;
  /** Number of the latest refresh. Responses to earlier ones are ignored. */
  #refreshCount = 0;
  /** @type {number | undefined} */
  #timer;

  constructor() {
    for (const id of ["differences", "undecided"]) {
      pauseOnInteraction(byId(id, HTMLElement), (isPaused) => this.#areFieldsPaused = isPaused);
    }
    byId("report-reset", HTMLButtonElement).addEventListener("click", () => this.#reset());
    pauseOnInteraction(byId("mismatches", HTMLElement), (isPaused) => {
      this.#isListPaused = isPaused;
      this.#draw();
    });
  }

  /** @param {string} hash Fragment of the URL, with the thresholds. */
  open(hash) {
    this.#thresholds.read(hash);
    this.#refresh();
  }

  /** @param {boolean} isActive True while the view is visible and not paused. */
  setActive(isActive) {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    this.#refresh();
    if (isActive && this.#state?.comparing) this.#loadNoiseConfig();
  }

  /** @param {StateView} state */
  setState(state) {
    const isChanged = state.comparing !== this.#state?.comparing;
    this.#state = state;
    if (!isChanged) return;
    byId("comparison-on", HTMLElement).hidden = !state.comparing;
    byId("comparison-off", HTMLElement).hidden = state.comparing;
    this.#refresh();
    if (this.#isActive && state.comparing) this.#loadNoiseConfig();
  }

  /** Loads the report now, and then periodically. */
  async #refresh() {
    clearTimeout(this.#timer);
    const refresh = ++this.#refreshCount;
    if (!this.#isActive || !this.#state?.comparing) return;
    try {
      const [report, entries] = await Promise.all([
        fetchReport(this.#thresholds.query),
        fetchMismatches(this.#mismatches.lastId),
      ]);
      if (refresh !== this.#refreshCount) return;
      this.#report = report;
      this.#mismatches.add(entries);
      for (const [key, last] of this.#marks) if (last < refresh) this.#marks.delete(key);
      this.#showProblems({ report: "" });
      this.#draw();
    } catch (error) {
      if (refresh !== this.#refreshCount) return;
      this.#showProblems({ report: `Cannot load the report: ${messageOf(error)}` });
    }
    this.#timer = setTimeout(() => this.#refresh(), POLL_MS);
  }

  async #loadNoiseConfig() {
    try {
      this.#noiseConfig.update(await fetchNoiseConfig());
    } catch {
      // The report is requested at the same time, and shows the same problem.
    }
  }

  /**
   * Marks a field as noise. It moves to the noise at once, and back if the request fails.
   *
   * @param {Mismatch} field
   */
  async #markNoise(field) {
    const { route, service, endpoint, path } = field;
    const key = fieldKey(field);
    const shownPath = printable(path);
    const focused = this.#buttons().findIndex((button) => button === document.activeElement);
    this.#marks.set(key, Infinity);
    this.#draw();
    // The row with the focus is removed, so the focus moves to the next one.
    if (focused >= 0) {
      (this.#buttons()[focused] ?? this.#buttons().at(-1) ?? byId("differences-title", HTMLElement)).focus();
    }
    try {
      this.#noiseConfig.update(await markNoise({ route, service, endpoint, path }));
      this.#marks.set(key, this.#refreshCount);
      this.#showProblems({ noise: "" });
      setText(this.#announcement, `${shownPath} is marked as noise. The configuration for it is below.`);
      this.#refresh();
    } catch (error) {
      this.#marks.delete(key);
      this.#showProblems({ noise: `Cannot mark ${shownPath} as noise: ${messageOf(error)}` });
      this.#draw();
    }
  }

  /**
   * Removes a mark. The field returns with the next report.
   *
   * @param {ReportedMark} mark
   */
  async #undo(mark) {
    const { path } = mark;
    try {
      this.#noiseConfig.update(await unmarkNoise(mark));
      this.#marks.clear();
      this.#showProblems({ noise: "" });
      setText(this.#announcement, `The mark of ${printable(path)} is removed.`);
      this.#refresh();
    } catch (error) {
      this.#showProblems({ noise: `Cannot remove the mark of ${printable(path)}: ${messageOf(error)}` });
    }
  }

  async #reset() {
    if (!confirm("Discard all comparisons since the start of counting, for everyone, and start again?")) return;
    try {
      await resetReport();
      this.#showProblems({ noise: "" });
      setText(this.#announcement, "Counting started again.");
      this.#refresh();
    } catch (error) {
      this.#showProblems({ noise: `Cannot start counting again: ${messageOf(error)}` });
    }
  }

  /** @returns {HTMLButtonElement[]} Buttons that can have the focus. */
  #buttons() {
    const isOpen = byId("undecided-fold", HTMLDetailsElement).open;
    return [...this.#differences.buttons, ...(isOpen ? this.#undecided.buttons : [])];
  }

  #draw() {
    const report = this.#report;
    if (report === undefined) return;
    const { mismatches, undecided, noise } = this.#withMarks(report);
    const isPaused = this.#areFieldsPaused;
    this.#verdicts.update(report.services, this.#thresholds.values);
    setText(byId("verdict-facts", HTMLElement), factsOf(report));
    this.#differences.update(mismatches, { isPaused });
    this.#undecided.update(undecided, { isPaused });
    this.#noise.update(noise);
    this.#markList.update(report.marks);
    this.#drawNeverComparable(report);
    setText(byId("differences-facts", HTMLElement), fieldCount(mismatches.length));
    setText(byId("undecided-count", HTMLElement), count(undecided.length));
    setText(byId("noise-count", HTMLElement), count(noise.length));
    byId("undecided-fold", HTMLElement).hidden = undecided.length === 0;
    byId("noise-fold", HTMLElement).hidden = noise.length === 0;
    this.#drawEmpty(mismatches.length === 0, report);
    if (!this.#isListPaused) this.#mismatches.draw(noiseKeys(report, noise));
  }

  /** @param {Report} report */
  #drawNeverComparable({ neverComparable }) {
    this.#neverComparable.hidden = neverComparable.length === 0;
    const fields = neverComparable.slice(0, MAX_NAMED).map(({ path, endpoint, share }) =>
      `${printable(path)} at ${printable(endpoint)} (${finePercent(share)} of the traffic)`
    );
    const more = neverComparable.length - fields.length;
    setText(
      this.#neverComparable,
      `Never comparable, because always different: ${fields.join(", ")}${more > 0 ? ` and ${count(more)} more` : ""}`,
    );
  }

  /**
   * Moves marked fields to the noise, until the report does.
   *
   * @param {Report} report
   * @returns {{ mismatches: Mismatch[], undecided: Mismatch[], noise: NoisyField[] }}
   */
  #withMarks({ mismatches, undecided, noise }) {
    const isMarked = (/** @type {Mismatch} */ field) => this.#marks.has(fieldKey(field));
    const known = new Set(noise.map(fieldKey));
    const added = [...mismatches, ...undecided].filter((field) => isMarked(field) && !known.has(fieldKey(field)));
    return {
      mismatches: mismatches.filter((field) => !isMarked(field)),
      undecided: undecided.filter((field) => !isMarked(field)),
      noise: [...added, ...noise],
    };
  }

  /**
   * @param {boolean} isEmpty
   * @param {Report} report
   */
  #drawEmpty(isEmpty, { compared, services }) {
    const empty = byId("differences-empty", HTMLElement);
    empty.hidden = !isEmpty;
    const [first] = services;
    if (compared > 0) {
      setText(empty, "No field differs more often than by noise.");
    } else if (first === undefined) {
      setText(empty, "Nothing to compare: no route has a service besides its primary.");
    } else {
      const command = `curl ${printable(this.#state?.url ?? "http://HOST:PORT")}${patternParts(first.route)[1]}`;
      if (empty.dataset.command === command && empty.childElementCount > 0) return;
      empty.dataset.command = command;
      empty.replaceChildren(
        html("p", { text: "No comparisons yet. Send a request that goes to two services:" }),
        html("p", {}, [html("code", { text: command })]),
      );
    }
  }

  /** @param {{ report?: string, noise?: string }} changes Empty for a problem that is solved. */
  #showProblems(changes) {
    this.#problems = { ...this.#problems, ...changes };
    const text = Object.values(this.#problems).filter((problem) => problem !== "").join(" ");
    this.#problem.hidden = text === "";
    setText(this.#problem, printable(text));
  }
}

/**
 * Returns the keys of the fields that differ only by noise.
 *
 * @param {Report} report
 * @param {readonly NoisyField[]} noise
 */
function noiseKeys({ mismatches, undecided }, noise) {
  const plain = (/** @type {NoisyField} */ field) => fieldKey({ ...field, path: field.plainPath ?? field.path });
  const keys = new Set(noise.map(plain));
  for (const field of [...mismatches, ...undecided]) keys.delete(plain(field));
  return keys;
}

/** @param {Report} report */
function factsOf({ verdict, sinceMs, compared, undecidedCount, notComparable, matchRate, services, dropped }) {
  const match = compared > undecidedCount ? [`${finePercent(matchRate)} match`] : [];
  const facts = [
    // The card of a single service shows the same.
    ...(services.length > 1 ? [VERDICT_LABELS[verdict].toLowerCase(), ...match] : []),
    `since ${clock(sinceMs).slice(0, 5)}, ${count(compared)} comparisons`,
    ...(undecidedCount > 0 ? [`${count(undecidedCount)} undecided`] : []),
    ...(notComparable > 0 ? [`${count(notComparable)} not comparable`] : []),
    ...services.filter(({ sampled }) => sampled < 1).map(({ service, sampled }) =>
      `${finePercent(sampled)} of the requests to ${service} compared: no time for all`
    ),
    ...(dropped > 0 ? [`${count(dropped)} details dropped: memory limit reached`] : []),
  ];
  return facts.join(" · ");
}

/** @param {number} fields */
function fieldCount(fields) {
  if (fields === 0) return "";
  return fields === 1
    ? "1 field differs more often than by noise"
    : `${count(fields)} fields differ more often than by noise`;
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
