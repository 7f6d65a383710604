/** The rules of the configuration, made ready for comparing. */

import { type BodyPath, matchesName, matchesSteps, type PathStep, type Segment } from "../config/body_path.ts";
import type { CompareSettings, NormaliseRule, ToleranceRule } from "../config/config.ts";
import { KnownSecrets } from "../lib/known_secrets.ts";
import { LinearRegExp } from "../lib/linear_regexp/linear_regexp.ts";
import type { Replacement } from "../lib/linear_regexp/replacement.ts";
import { StepBudget } from "../lib/step_budget.ts";
import { Redactor } from "./redactor.ts";
import type { HashKey } from "../lib/text_hash.ts";

interface Normaliser {
  readonly pattern: LinearRegExp;
  readonly replacement: Replacement;
  readonly path: BodyPath | undefined;
}

/** How the answers of one service are compared. */
export class CompareRules {
  /** Names of the header fields that are compared, in lower case. */
  readonly headers: readonly string[];
  /** Whether nothing of a body is compared. */
  readonly ignoresBody: boolean;
  /** What is kept out of samples. */
  readonly redactor: Redactor;
  /** Whether differences carry samples of the values. */
  readonly hasSamples: boolean;
  /** Whether any rule is about texts. */
  readonly normalises: boolean;
  /** Number of rules that may be matched against a path. */
  readonly pathRules: number;
  readonly #ignore: readonly BodyPath[];
  readonly #ignoredSteps: readonly (readonly PathStep[])[];
  readonly #normalisers: readonly Normaliser[];
  readonly #unordered: "all" | readonly (readonly PathStep[])[];
  readonly #tolerance: readonly ToleranceRule[];
  #steps = new StepBudget(0);

  /**
   * Compiles the rules, once for a configuration.
   *
   * @param settings What the configuration says.
   * @param options The key of the hashes in samples, random by default, and the secrets of the configuration.
   */
  constructor(
    settings: CompareSettings,
    { key = randomKey(), known = new KnownSecrets([]) }: { readonly key?: HashKey; readonly known?: KnownSecrets } = {},
  ) {
    this.#ignore = settings.ignore;
    this.#ignoredSteps = stepsOf(settings.ignore);
    this.#normalisers = settings.normalise.map(toNormaliser);
    this.#unordered = settings.unordered === "all" ? "all" : stepsOf(settings.unordered);
    this.#tolerance = settings.tolerance;
    this.headers = settings.headers.filter((name) => !this.ignoresField("header", name));
    this.ignoresBody = this.ignores("body");
    this.normalises = this.#normalisers.length > 0;
    const { ignore, normalise, tolerance, unordered } = settings;
    this.pathRules = ignore.length + normalise.length + tolerance.length + (unordered === "all" ? 0 : unordered.length);
    this.redactor = new Redactor(settings.redact, { key, known });
    this.hasSamples = settings.samples !== "none";
  }

  /**
   * Starts a comparison. Comparisons do not overlap.
   *
   * @param steps Budget for the patterns of `normalise`. Methods that replace throw `StepsExceeded` if it is used up.
   */
  startComparison(steps: StepBudget): void {
    this.#steps = steps;
  }

  /** Whether any numbers may be apart. */
  get hasTolerance(): boolean {
    return this.#tolerance.length > 0;
  }

  /** Whether the order of any array's elements may not count. */
  get hasUnordered(): boolean {
    return this.#unordered === "all" || this.#unordered.length > 0;
  }

  /** Whether anything inside of JSON documents may differ. */
  get ignoresJson(): boolean {
    return this.#ignoredSteps.length > 0;
  }

  /**
   * Tells whether a part of an answer may differ.
   *
   * @param kind Which part.
   * @returns Whether it may.
   */
  ignores(kind: "status" | "outcome" | "body"): boolean {
    return this.#ignore.some((path) => path.kind === kind);
  }

  /**
   * Tells whether a header field, or a field of a form, may differ.
   *
   * @param kind Which of the two.
   * @param name Its name, in lower case for a header field.
   * @returns Whether it may.
   */
  ignoresField(kind: "header" | "form", name: string): boolean {
    return this.#ignore.some((path) => path.kind === kind && matchesName(path.name, name));
  }

  /**
   * Tells whether a value in a JSON document may differ.
   *
   * @param segments Where it is.
   * @returns Whether it, or what it is inside of, may.
   */
  ignoresValue(segments: readonly Segment[]): boolean {
    return this.#ignoredSteps.some((steps) => matchesSteps(steps, segments, { orInside: true }));
  }

  /**
   * Tells whether the order of an array's elements counts.
   *
   * @param segments Where the array is.
   * @returns Whether it does not.
   */
  isUnordered(segments: readonly Segment[]): boolean {
    if (this.#unordered === "all") return true;
    return this.#unordered.some((steps) => matchesSteps(steps, segments, { orInside: false }));
  }

  /**
   * Tells whether two numbers are near enough to each other.
   *
   * @param expected The one.
   * @param actual The other.
   * @param segments Where they are.
   * @returns Whether they count as alike.
   */
  isWithinTolerance(expected: number, actual: number, segments: readonly Segment[]): boolean {
    const rule = this.#tolerance.find(({ path }) =>
      path === undefined || (path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true }))
    );
    if (rule === undefined) return expected === actual;
    const distance = Math.abs(expected - actual);
    const larger = Math.max(Math.abs(expected), Math.abs(actual));
    return expected === actual || distance <= rule.absolute || distance <= rule.relative * larger;
  }

  /**
   * Replaces in a string of a JSON document what the configuration says.
   *
   * @param text The string.
   * @param segments Where it is.
   * @returns The string to compare.
   */
  normaliseValue(text: string, segments: readonly Segment[]): string {
    return this.#normalise(
      text,
      (path) =>
        path.kind === "body" || (path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true })),
    );
  }

  /**
   * Replaces in a header field, or in a field of a form, what the configuration says.
   *
   * @param text The value.
   * @param kind Which of the two.
   * @param name The field's name.
   * @returns The value to compare.
   */
  normaliseField(text: string, kind: "header" | "form", name: string): string {
    return this.#normalise(
      text,
      (path) => (path.kind === "body" && kind === "form") || (path.kind === kind && matchesName(path.name, name)),
    );
  }

  /**
   * Replaces in a line of a text what the configuration says.
   *
   * @param line The line.
   * @returns The line to compare.
   */
  normaliseLine(line: string): string {
    return this.#normalise(line, (path) => path.kind === "body");
  }

  #normalise(text: string, isMeant: (path: BodyPath) => boolean): string {
    let normalised = text;
    for (const { pattern, replacement, path } of this.#normalisers) {
      if (path !== undefined && !isMeant(path)) continue;
      normalised = pattern.replaceAll(normalised, replacement, this.#steps);
    }
    return normalised;
  }
}

function stepsOf(paths: readonly BodyPath[]): (readonly PathStep[])[] {
  return paths.flatMap((path) => path.kind === "json" ? [path.steps] : []);
}

function toNormaliser({ pattern: source, replacement, path }: NormaliseRule): Normaliser {
  const pattern = new LinearRegExp(source);
  return { pattern, replacement: pattern.replacement(replacement), path };
}

function randomKey(): HashKey {
  const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
  return [first, second];
}
