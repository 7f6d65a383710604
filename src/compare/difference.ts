/** Differences between two responses, and their collection during a comparison. */

import { StepBudget } from "../lib/step_budget.ts";
import {
  type DifferenceTrait,
  type DifferenceTraits,
  hasForm,
  type SameFormValues,
  TraitCounter,
  type ValuesByPath,
} from "./difference_traits.ts";
import type { CompareRules } from "./rules.ts";

/** Kind of a difference. `type`: both sides have a value, but of different JSON types. */
export type DifferenceKind = "added" | "removed" | "changed" | "type";

/** A difference between two responses to the same request. */
export interface Difference {
  /**
   * `status`, `outcome` (one side has no response), `closeCode` (of a WebSocket), `header:NAME` in lower case,
   * `form:NAME`, `body`, or a JSON path such as `$.items[*].price`. Array indexes are `[*]`. Keys that are no plain
   * names are quoted: `["a b"]`.
   */
  readonly path: string;
  /** Kind of the difference. */
  readonly kind: DifferenceKind;
  /** The baseline's value as short text. Absent if the baseline has none, or if samples are off. */
  readonly expected?: string;
  /** The candidate's value as short text. Absent if the candidate has none, or if samples are off. */
  readonly actual?: string;
}

/** Samples of the two values of a difference. Functions, because samples are expensive and not always kept. */
export interface SampleSource {
  /** Returns a sample of the baseline's value. Absent if it has none. */
  readonly expected?: () => string;
  /** Returns a sample of the candidate's value. Absent if it has none. */
  readonly actual?: () => string;
  /** The values, from which the trait of the difference follows. Absent: the difference has no trait. */
  readonly values?: readonly [expected: unknown, actual: unknown];
}

/** State that all parts of one comparison share. */
export interface ComparisonContext {
  /** Rules that decide what counts as a difference. */
  readonly rules: CompareRules;
  /** Differences found so far. */
  readonly differences: DifferenceList;
  /** Budget for the work. Steps are taken before the work is done. */
  readonly steps: StepBudget;
}

/**
 * Maximum differing paths of one comparison. Further ones are added as their {@linkcode collectivePath}. An endpoint
 * stores fewer paths, so its counts do not depend on the order of the differences in a body.
 */
const MAX_PATHS = 1_000;

/** Maximum steps for the traits of one comparison: 5 to 10 ms. */
const MAX_TRAIT_STEPS = 1_000_000;

/** Collects the differences of one comparison, at most one for each path. */
export class DifferenceList {
  readonly #byPath = new Map<string, Difference>();
  readonly #traits = new Map<string, TraitCounter>();
  readonly #hasSamples: boolean;
  #isFull = false;
  /** Budget for traits, in addition to that of the comparison. Without steps left, differences have no trait. */
  readonly traitSteps: StepBudget = new StepBudget(MAX_TRAIT_STEPS);

  /** Creates an empty list. Without `hasSamples`, no samples are taken. */
  constructor({ hasSamples }: { readonly hasSamples: boolean }) {
    this.#hasSamples = hasSamples;
  }

  /** Reports whether further differences are ignored. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Reports whether a difference has been found at a path. */
  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Reports whether no difference has been found. */
  get isEmpty(): boolean {
    return this.#byPath.size === 0;
  }

  /**
   * Adds a difference, unless the list is full or has one for the same path. Traits are counted for all of them. Samples
   * are taken when they are read, so their sources must not change.
   */
  add(path: string, kind: DifferenceKind, source: SampleSource = {}): void {
    if (this.#isFull) return;
    if (this.#byPath.size >= MAX_PATHS && !this.#byPath.has(path)) {
      this.#isFull = true;
      const collective = collectivePath(path);
      if (!this.#byPath.has(collective)) this.#byPath.set(collective, { path: collective, kind });
      return;
    }
    const { values } = source;
    if (values !== undefined) {
      let traits = this.#traits.get(path);
      if (traits === undefined) this.#traits.set(path, traits = new TraitCounter(this.traitSteps));
      traits.add(kind === "changed", values);
    }
    if (this.#byPath.has(path)) return;
    this.#byPath.set(path, this.#hasSamples ? withSamples(path, kind, source) : { path, kind });
  }

  /** Returns all differences in the order in which they were found. */
  toArray(): Difference[] {
    return [...this.#byPath.values()];
  }

  /** Returns the traits of the differences that have one. */
  traits(): DifferenceTraits {
    const traits = new Map<string, DifferenceTrait>();
    for (const [path, counter] of this.#traits) {
      const { trait } = counter;
      if (trait !== undefined) traits.set(path, trait);
    }
    return traits;
  }

  /** Returns the values of differences of the same form. */
  values(traits: DifferenceTraits): ValuesByPath {
    const byPath = new Map<string, SameFormValues>();
    for (const [path, trait] of traits) {
      const values = hasForm(trait) ? this.#traits.get(path)!.values : undefined;
      if (values !== undefined) byPath.set(path, values);
    }
    return byPath;
  }
}

/** Returns a difference that takes its samples when they are read, because few of them are kept. */
function withSamples(path: string, kind: DifferenceKind, { expected, actual }: SampleSource): Difference {
  if (expected === undefined) {
    return actual === undefined ? { path, kind } : {
      path,
      kind,
      get actual() {
        return actual();
      },
    };
  }
  if (actual === undefined) {
    return {
      path,
      kind,
      get expected() {
        return expected();
      },
    };
  }
  return {
    path,
    kind,
    get expected() {
      return expected();
    },
    get actual() {
      return actual();
    },
  };
}

/** Returns the path that stands for all fields of the same kind above the limits. */
export function collectivePath(path: string): string {
  if (path.startsWith("$")) return "$.…";
  const [, area] = /^(header|form):/.exec(path) ?? [];
  if (area !== undefined) return `${area}:…`;
  return path === "status" || path === "outcome" || path === "closeCode" ? path : "body";
}
