/** Comparison of two JSON documents, value by value. */

import { ELEMENT, printJsonPath, type Segment } from "../config/body_path.ts";
import type { UnorderedArray } from "../config/config.ts";
import { isJsonObject, type JsonObject, jsonTypeOf } from "../lib/exact_json.ts";
import { isSecretMember, mayBeSecretMember } from "../lib/secret_names.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import type { ComparisonContext, DifferenceKind, DifferenceList } from "./difference.ts";
import { isEqualDeep, JsonRules, MAX_RULE_DEPTH, VALUE_STEPS, ValueKeys } from "./json_keys.ts";
import type { DifferingLeaf } from "./lockstep_json.ts";
import { pairUnordered } from "./pair_unordered.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfJson, sampleOfSecret } from "./sample_text.ts";

/**
 * Finds the differences between two parsed documents. Numbers are compared by value, and the order of keys is ignored.
 * All elements of an array have the path `[*]`.
 */
export function compareJson(expected: unknown, actual: unknown, context: ComparisonContext): void {
  new JsonComparison(context).compare(expected, actual);
}

/**
 * Finds the differences between two documents of the same shape from their differing leaves.
 *
 * Returns `false` if the documents must be compared whole: elements of unordered arrays must be paired first, and
 * private keys are recognised by their whole object.
 */
export function compareLeaves(leaves: readonly DifferingLeaf[], context: ComparisonContext): boolean {
  const { rules } = context;
  const isPaired = ({ path }: DifferingLeaf) =>
    path.some((segment, index) => segment === ELEMENT && rules.isUnordered(path.slice(0, index)));
  if (rules.hasUnordered && leaves.some(isPaired)) return false;
  // The other members of the object, which may make this one a secret, are not known here.
  if (leaves.some(({ path }) => path.some((segment) => typeof segment === "string" && mayBeSecretMember(segment)))) {
    return false;
  }
  const comparison = new JsonComparison(context);
  for (const { path, expected, actual } of leaves) comparison.compareAt(path, expected, actual);
  return true;
}

/** Compares two values at the same path. */
class JsonComparison {
  readonly #rules: CompareRules;
  readonly #differences: DifferenceList;
  readonly #steps: StepBudget;
  /** Rules at the current path. */
  readonly #here: JsonRules;
  readonly #path: Segment[];
  readonly #keys: ValueKeys;
  /** Number of members on the path that are secret because of other members of their object. */
  #secretMembers = 0;
  /** Set while two values are only tested for equivalence. No differences are added during that. */
  #probe: { hasDifference: boolean } | undefined;
  readonly #equivalent = new Map<unknown, Map<unknown, boolean>>();

  constructor(context: ComparisonContext) {
    this.#rules = context.rules;
    this.#differences = context.differences;
    this.#steps = context.steps;
    this.#here = new JsonRules(context);
    this.#path = this.#here.path;
    this.#keys = new ValueKeys(this.#here, context.steps);
  }

  /** Compares two values without nested values at another path. */
  compareAt(path: readonly Segment[], expected: unknown, actual: unknown): void {
    this.#path.length = 0;
    for (const segment of path) this.#path.push(segment);
    this.compare(expected, actual);
  }

  compare(expected: unknown, actual: unknown): void {
    this.#steps.take(VALUE_STEPS);
    if (expected === actual || this.#isDone()) return;
    if (this.#probe !== undefined && this.#equivalent.get(expected)?.get(actual) === false) {
      this.#probe.hasDifference = true;
      return;
    }
    if (this.#path.length >= MAX_RULE_DEPTH) return this.#compareDeep(expected, actual);
    if (Array.isArray(expected) && Array.isArray(actual)) return this.#compareArrays(expected, actual);
    if (isJsonObject(expected) && isJsonObject(actual)) return this.#compareObjects(expected, actual);
    this.#compareLeaves(expected, actual);
  }

  #isDone(): boolean {
    return this.#probe?.hasDifference ?? this.#differences.isFull;
  }

  #compareObjects(expected: JsonObject, actual: JsonObject): void {
    let shared = 0;
    for (const key of Object.keys(expected)) {
      this.#enter(key, expected, actual);
      if (Object.hasOwn(actual, key)) {
        shared++;
        this.compare(expected[key], actual[key]);
      } else if (expected[key] !== null || !this.#here.isNullMissing()) {
        this.#add("removed", expected[key], undefined);
      }
      this.#leave(key, expected, actual);
    }
    const actualKeys = Object.keys(actual);
    this.#steps.take(actualKeys.length);
    if (actualKeys.length === shared) return;
    for (const key of actualKeys) {
      this.#steps.take(VALUE_STEPS);
      if (Object.hasOwn(expected, key)) continue;
      this.#enter(key, expected, actual);
      if (actual[key] !== null || !this.#here.isNullMissing()) this.#add("added", undefined, actual[key]);
      this.#leave(key, expected, actual);
    }
  }

  #enter(key: string, expected: JsonObject, actual: JsonObject): void {
    this.#path.push(key);
    if (isSecretMember(expected, key) || isSecretMember(actual, key)) this.#secretMembers++;
  }

  #leave(key: string, expected: JsonObject, actual: JsonObject): void {
    this.#path.pop();
    if (isSecretMember(expected, key) || isSecretMember(actual, key)) this.#secretMembers--;
  }

  #compareArrays(expected: readonly unknown[], actual: readonly unknown[]): void {
    this.#here.takeRuleSteps();
    const isUnordered = this.#here.isUnordered();
    const identity = isUnordered ? this.#rules.identityOf(this.#path) : undefined;
    this.#path.push(ELEMENT);
    if (isUnordered) this.#compareUnordered(expected, actual, identity);
    else this.#compareOrdered(expected, actual);
    this.#path.pop();
  }

  /**
   * Compares elements by index. If the lengths differ, equivalent elements at both ends are skipped first. Otherwise, a
   * new first element would make all elements differ.
   */
  #compareOrdered(expected: readonly unknown[], actual: readonly unknown[]): void {
    let start = 0;
    let expectedEnd = expected.length;
    let actualEnd = actual.length;
    if (expectedEnd !== actualEnd) {
      while (start < expectedEnd && start < actualEnd && this.#isEquivalent(expected[start], actual[start])) start++;
      while (
        start < expectedEnd && start < actualEnd &&
        this.#isEquivalent(expected[expectedEnd - 1], actual[actualEnd - 1])
      ) {
        expectedEnd--;
        actualEnd--;
      }
    }
    const sharedEnd = start + Math.min(expectedEnd - start, actualEnd - start);
    for (let index = start; index < sharedEnd; index++) this.compare(expected[index], actual[index]);
    if (sharedEnd < expectedEnd) this.#add("removed", expected[sharedEnd], undefined);
    if (sharedEnd < actualEnd) this.#add("added", undefined, actual[sharedEnd]);
  }

  #compareUnordered(
    expected: readonly unknown[],
    actual: readonly unknown[],
    identity: UnorderedArray["identity"],
  ): void {
    const { pairs, removed, added } = pairUnordered(expected, actual, {
      keys: this.#keys,
      here: this.#here,
      identity,
      isEquivalent: this.#rules.hasTolerance ? (a, b) => this.#isEquivalent(a, b) : undefined,
      steps: this.#steps,
    });
    for (const [expectedElement, actualElement] of pairs) this.compare(expectedElement, actualElement);
    for (const value of removed) this.#add("removed", value, undefined);
    for (const value of added) this.#add("added", undefined, value);
  }

  /**
   * Reports whether two values are equivalent, without adding differences. With a tolerance, all nested values are
   * compared. The result is cached, because otherwise each level of nested arrays would double the work.
   */
  #isEquivalent(a: unknown, b: unknown): boolean {
    if (a === b || this.#keys.keyOf(a) === this.#keys.keyOf(b)) return true;
    if (!this.#rules.hasTolerance) return false;
    // Not cached for plain values: tolerances depend on the path, and equal numbers occur at many paths.
    if (typeof a !== "object" || a === null) return this.#hasNoDifference(a, b);
    let known = this.#equivalent.get(a);
    if (known === undefined) this.#equivalent.set(a, known = new Map());
    let isEquivalent = known.get(b);
    if (isEquivalent === undefined) known.set(b, isEquivalent = this.#hasNoDifference(a, b));
    return isEquivalent;
  }

  #hasNoDifference(a: unknown, b: unknown): boolean {
    const outer = this.#probe;
    const probe = { hasDifference: false };
    this.#probe = probe;
    this.compare(a, b);
    this.#probe = outer;
    return !probe.hasDifference;
  }

  #compareLeaves(expected: unknown, actual: unknown): void {
    const instant = this.#here.instantOf(expected);
    if (instant !== undefined && instant === this.#here.instantOf(actual)) return;
    const type = jsonTypeOf(expected);
    if (type !== jsonTypeOf(actual)) return this.#add("type", expected, actual);
    if (type === "number" && this.#here.areNear(expected, actual)) return;
    if (typeof expected === "string" && typeof actual === "string" && this.#rules.normalises) {
      const [a, b] = [this.#here.normalise(expected), this.#here.normalise(actual)];
      if (a === b || this.#here.areNearTexts(a, b)) return;
    }
    this.#add("changed", expected, actual);
  }

  /** Compares values below the depth at which rules apply. Any number of differences there counts as one. */
  #compareDeep(expected: unknown, actual: unknown): void {
    if (!isEqualDeep(expected, actual, this.#steps)) this.#add("changed", expected, actual);
  }

  #add(kind: DifferenceKind, expected: unknown, actual: unknown): void {
    this.#steps.take(VALUE_STEPS);
    if (this.#isDone() || this.#here.isIgnored()) return;
    if (this.#probe !== undefined) {
      this.#probe.hasDifference = true;
      return;
    }
    const { redactor } = this.#rules;
    const isSecret = this.#secretMembers > 0;
    const path = [...this.#path];
    const sampleOf = (value: unknown) => () =>
      isSecret ? sampleOfSecret(value, redactor) : sampleOfJson(value, path, redactor);
    this.#differences.add(printJsonPath(path.map((segment) => this.#rules.shownSegments.get(segment))), kind, {
      ...(kind === "added" ? {} : { expected: sampleOf(expected) }),
      ...(kind === "removed" ? {} : { actual: sampleOf(actual) }),
      values: [expected, actual],
    });
  }
}
