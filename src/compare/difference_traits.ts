/** Traits of differences, which make regressions visible in fields that always differ. */

import { ExactNumber } from "../lib/exact_json.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import { canonicalInstant } from "./equivalent_texts.ts";
import { hasSameForm } from "./value_form.ts";

/**
 * Trait of the differences at one path of one comparison.
 *
 * - `same-form`: the values differ only in times and identifiers, or have the same elements in another order
 * - `apart`: the same form, and times are at least 5 minutes apart, as by a wrong time zone
 * - `other-type`: a value is missing on one side, or has another type
 * - `larger`, `smaller`: the candidate's texts are at least twice or at most half as long, or its numbers as large
 */
export type DifferenceTrait = "same-form" | "apart" | "other-type" | "larger" | "smaller";

/** Traits by path. Differences without a trait are absent. */
export type DifferenceTraits = ReadonlyMap<string, DifferenceTrait>;

/** Values of differences of the same form at one path. */
export interface SameFormValues {
  /** Hashes of the values of the baseline and of the candidate. Equal values have equal hashes. */
  readonly hashes: readonly [expected: number, actual: number];
  /** True if most values of the candidate repeat within its response, and those of the baseline do not. */
  readonly isRepeated: boolean;
}

/** Values by path, of differences of the same form. */
export type ValuesByPath = ReadonlyMap<string, SameFormValues>;

/** Texts that follow the path. Keys with spaces are quoted in paths, so no path ends like this. */
const SUFFIXES: Readonly<Record<DifferenceTrait | "repeated", string>> = {
  "same-form": " (same form)",
  "apart": " (minutes apart)",
  "other-type": " (type or presence)",
  "larger": " (twice the size)",
  "smaller": " (half the size)",
  "repeated": " (repeated values)",
};
const SUFFIX = / \((same form|minutes apart|type or presence|twice the size|half the size|repeated values)\)$/;

/**
 * Returns the path under which differences with a trait are counted. Differences of the same form are counted only
 * there, all others under their own path as well. Each path has noise of its own: a token that always differs in the
 * same form has none at its own path, so that a token of another form is a mismatch. `repeated`: the candidate's value is
 * that of its previous response, and the baseline's is not, as for a token that is constant in the candidate.
 */
export function withTrait(path: string, trait: DifferenceTrait | "repeated"): string {
  return path + SUFFIXES[trait];
}

/** Returns the path without the trait. */
export function withoutTrait(path: string): string {
  return path.replace(SUFFIX, "");
}

/** Reports whether differences with this trait are counted under another path as well. */
export function isSecondary(path: string): boolean {
  return SUFFIX.test(path) && !path.endsWith(SUFFIXES["same-form"]);
}

/** Reports whether differences with this trait have the same form. */
export function hasForm(trait: DifferenceTrait | undefined): boolean {
  return trait === "same-form" || trait === "apart";
}

/** Reports whether only differences of the same form are counted under the path. */
export function isSameForm(path: string): boolean {
  return path.endsWith(SUFFIXES["same-form"]);
}

/** Reports whether repeated values are counted under the path. */
export function isRepetition(path: string): boolean {
  return path.endsWith(SUFFIXES.repeated);
}

/** Steps per value, in addition to those for its text. */
const VALUE_STEPS = 20;
/** Characters per step, to hash a text. */
const CHARACTERS_PER_STEP = 4;
/** Length of a text above which it is not hashed. Lists of such texts are not recognised in another order. */
const MAX_HASHED_LENGTH = 65_536;
/** Factor between the sizes from which they count as different. */
const SIZE_FACTOR = 2;
/** Seconds from which two times are apart. Two responses to one request are created within less. */
const MIN_APART_S = 300;
const HASH_PRIME = 0x01000193;
const HASH_START = 0x811c9dc5;

/** Determines the trait of all differences at one path. */
export class TraitCounter {
  readonly #steps: StepBudget;
  #count = 0;
  #hasOtherType = false;
  #hasOtherForm = false;
  #isApart = false;
  /** Values of the candidate that repeat the one before, unlike those of the baseline. */
  #repeated = 0;
  #previous: readonly [expected: number, actual: number] | undefined;
  /** Sums of the hashes of the baseline's and the candidate's values. They are equal if both have the same values. */
  #expectedHashes = 0;
  #actualHashes = 0;
  #expectedSize = 0;
  #actualSize = 0;

  /** Creates a counter without differences. Without enough steps, values count as different in form. */
  constructor(steps: StepBudget) {
    this.#steps = steps;
  }

  /** Adds a difference. `isChanged`: both sides have a value of the same type. */
  add(isChanged: boolean, [expected, actual]: readonly [unknown, unknown]): void {
    this.#count++;
    if (!isChanged) {
      this.#hasOtherType = true;
      return;
    }
    const [expectedText, actualText] = [textOf(expected), textOf(actual)];
    if (expectedText === undefined || actualText === undefined || this.#steps.left < VALUE_STEPS) {
      this.#hasOtherForm = true;
      this.#expectedHashes = NaN;
      return;
    }
    this.#steps.take(VALUE_STEPS);
    const [expectedHash, actualHash] = [this.#hashOf(expectedText), this.#hashOf(actualText)];
    if (this.#previous?.[1] === actualHash && this.#previous[0] !== expectedHash) this.#repeated++;
    this.#previous = [expectedHash, actualHash];
    this.#expectedHashes += expectedHash;
    this.#actualHashes += actualHash;
    this.#expectedSize += sizeOf(expected, expectedText);
    this.#actualSize += sizeOf(actual, actualText);
    // Forms are the most expensive part, and one difference of another form decides.
    if (!this.#hasOtherForm && !hasSameForm(expectedText, actualText, this.#steps)) this.#hasOtherForm = true;
    if (!this.#hasOtherForm && !this.#isApart) this.#isApart = areApart(expectedText, actualText);
  }

  #hashOf(text: string): number {
    if (text.length > MAX_HASHED_LENGTH || this.#steps.left < text.length) return NaN;
    this.#steps.take(text.length / CHARACTERS_PER_STEP);
    return hashOf(text);
  }

  /** The trait of the differences so far; `undefined` if they have none. */
  get trait(): DifferenceTrait | undefined {
    if (this.#hasOtherType) return "other-type";
    if (this.#count > 1 && this.#expectedHashes === this.#actualHashes) return "same-form";
    if (!this.#hasOtherForm) return this.#isApart ? "apart" : "same-form";
    if (this.#actualSize > SIZE_FACTOR * this.#expectedSize) return "larger";
    return this.#expectedSize > SIZE_FACTOR * this.#actualSize ? "smaller" : undefined;
  }

  /** The values so far; `undefined` without enough steps. */
  get values(): SameFormValues | undefined {
    const hashes = [this.#expectedHashes, this.#actualHashes] as const;
    if (Number.isNaN(hashes[0] + hashes[1])) return undefined;
    return { hashes, isRepeated: this.#repeated > 0 && this.#repeated >= (this.#count - 1) / 2 };
  }
}

/** Reports whether two texts are times that are far apart. Times without a zone are read as UTC. */
function areApart(a: string, b: string): boolean {
  const [first, second] = [secondsOf(a), secondsOf(b)];
  return Math.abs(first - second) >= MIN_APART_S;
}

function secondsOf(text: string): number {
  return Number((canonicalInstant(text) ?? canonicalInstant(`${text}Z`))?.slice("instant ".length));
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value instanceof ExactNumber ? value.text : undefined;
}

function sizeOf(value: unknown, text: string): number {
  return typeof value === "number" ? Math.abs(value) : text.length;
}

function hashOf(text: string): number {
  let hash = HASH_START;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), HASH_PRIME);
  return hash >>> 0;
}
