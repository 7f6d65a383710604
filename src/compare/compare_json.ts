/** Two JSON documents, value by value. */

import { ELEMENT, printJsonPath, type Segment } from "../config/body_path.ts";
import { redactText } from "../lib/secret_text.ts";
import { isPrivateKeyMember, isPrivateKeyName } from "../lib/secret_names.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import type { ComparisonContext } from "./comparison_context.ts";
import type { DifferenceList } from "./difference_list.ts";
import type { DifferenceKind } from "./difference.ts";
import { canonicalNumber, ExactNumber } from "../lib/exact_json.ts";
import { isJsonObject, type JsonObject, jsonTypeOf } from "../lib/json_value.ts";
import type { DifferingLeaf } from "./lockstep_json.ts";
import { pairUnordered } from "./pair_unordered.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfJson, sampleOfSecret } from "./sample_text.ts";

/** Below this the rules do not reach, and whatever differs is one difference. */
const MAX_DEPTH = 100;
/**
 * Characters of a key that are searched for secrets. Paths show fewer: a secret that is cut off might not be
 * recognised.
 */
const MAX_KEY_LENGTH = 400;
/** Steps per visited value: the path, the call, and the lookup of a key. */
const VALUE_STEPS = 10;
/** Steps for numbering a value, in addition to the length of its text. */
const KEY_STEPS = 20;

/**
 * Finds the differences between two JSON documents. Numbers are compared by value, and the order of keys does not
 * count. All elements of an array have the path `[*]`.
 *
 * @param expected The primary's document, parsed.
 * @param actual The other service's document.
 * @param means Rules, result and step budget.
 */
export function compareJson(expected: unknown, actual: unknown, means: ComparisonContext): void {
  new JsonComparison(means).compare(expected, actual);
}

/**
 * Compares only the differing values of two documents of the same shape.
 *
 * @param leaves The values with different texts.
 * @param means Rules, result and step budget.
 * @returns False if the documents must be compared whole: elements in any order must be paired first, or a value may be
 * a private key.
 */
export function compareLeaves(leaves: readonly DifferingLeaf[], means: ComparisonContext): boolean {
  const { rules } = means;
  const isPaired = ({ path }: DifferingLeaf) =>
    path.some((segment, index) => segment === ELEMENT && rules.isUnordered(path.slice(0, index)));
  if (rules.hasUnordered && leaves.some(isPaired)) return false;
  // Only the object around a value tells whether it is a private key.
  if (leaves.some(({ path }) => path.some((segment) => typeof segment === "string" && isPrivateKeyName(segment)))) {
    return false;
  }
  for (const { path, expected, actual } of leaves) {
    new JsonComparison(means, path).compare(expected, actual);
  }
  return true;
}

/** What has been compared is told by where it stands: one path for both documents. */
class JsonComparison {
  readonly #rules: CompareRules;
  readonly #differences: DifferenceList;
  readonly #steps: StepBudget;
  readonly #path: Segment[];
  /** Members on the path that hold a private key. */
  #privateMembers = 0;
  /** While it is only asked whether two values are alike: `true` once they are not. */
  #probe: { hasDifference: boolean } | undefined;
  readonly #keys = new ValueKeys();
  readonly #keyOfObject = new Map<object, number>();
  readonly #alike = new Map<unknown, Map<unknown, boolean>>();

  constructor({ rules, differences, steps }: ComparisonContext, path: readonly Segment[] = []) {
    this.#rules = rules;
    this.#differences = differences;
    this.#steps = steps;
    this.#path = [...path];
  }

  compare(a: unknown, b: unknown): void {
    this.#steps.take(VALUE_STEPS);
    if (a === b || this.#isDone()) return;
    if (this.#probe !== undefined && this.#alike.get(a)?.get(b) === false) {
      this.#probe.hasDifference = true;
      return;
    }
    if (this.#path.length >= MAX_DEPTH) return this.#compareBelow(a, b);
    if (Array.isArray(a) && Array.isArray(b)) return this.#compareArrays(a, b);
    if (isJsonObject(a) && isJsonObject(b)) return this.#compareObjects(a, b);
    this.#compareLeaves(a, b);
  }

  #isDone(): boolean {
    return this.#probe?.hasDifference ?? this.#differences.isFull;
  }

  #compareObjects(a: JsonObject, b: JsonObject): void {
    const keys = Object.keys(a);
    let shared = 0;
    for (const key of keys) {
      this.#enter(key, a, b);
      if (Object.hasOwn(b, key)) {
        shared++;
        this.compare(a[key], b[key]);
      } else {
        this.#add("removed", a[key], undefined);
      }
      this.#leave(key, a, b);
    }
    const others = Object.keys(b);
    this.#steps.take(others.length);
    if (others.length === shared) return;
    for (const key of others) {
      this.#steps.take(VALUE_STEPS);
      if (Object.hasOwn(a, key)) continue;
      this.#enter(key, a, b);
      this.#add("added", undefined, b[key]);
      this.#leave(key, a, b);
    }
  }

  #enter(key: string, a: JsonObject, b: JsonObject): void {
    this.#path.push(key);
    if (isPrivateKeyMember(a, key) || isPrivateKeyMember(b, key)) this.#privateMembers++;
  }

  #leave(key: string, a: JsonObject, b: JsonObject): void {
    this.#path.pop();
    if (isPrivateKeyMember(a, key) || isPrivateKeyMember(b, key)) this.#privateMembers--;
  }

  #compareArrays(a: readonly unknown[], b: readonly unknown[]): void {
    this.#payForRules();
    if (this.#rules.isUnordered(this.#path)) return this.#compareUnordered(a, b);
    this.#path.push(ELEMENT);
    this.#compareOrdered(a, b);
    this.#path.pop();
  }

  /** Where elements have come or gone, the equal ones at both ends are left out: one that is new is no change of all. */
  #compareOrdered(a: readonly unknown[], b: readonly unknown[]): void {
    let start = 0;
    let endOfA = a.length;
    let endOfB = b.length;
    if (endOfA !== endOfB) {
      while (start < endOfA && start < endOfB && this.#isAlike(a[start], b[start])) start++;
      while (start < endOfA && start < endOfB && this.#isAlike(a[endOfA - 1], b[endOfB - 1])) {
        endOfA--;
        endOfB--;
      }
    }
    const both = start + Math.min(endOfA - start, endOfB - start);
    for (let index = start; index < both; index++) this.compare(a[index], b[index]);
    if (both < endOfA) this.#add("removed", a[both], undefined);
    if (both < endOfB) this.#add("added", undefined, b[both]);
  }

  #compareUnordered(a: readonly unknown[], b: readonly unknown[]): void {
    this.#path.push(ELEMENT);
    const { pairs, removed, added } = pairUnordered(a, b, {
      keyOf: (value) => this.#keyOf(value),
      isAlike: this.#rules.hasTolerance ? (one, other) => this.#isAlike(one, other) : undefined,
      steps: this.#steps,
    });
    for (const [one, other] of pairs) this.compare(one, other);
    for (const value of removed) this.#add("removed", value, undefined);
    for (const value of added) this.#add("added", undefined, value);
    this.#path.pop();
  }

  /**
   * Reports whether two values are alike, without adding differences. With a tolerance, all nested values are compared.
   * The result is cached: otherwise each level of nested arrays would double the work.
   */
  #isAlike(a: unknown, b: unknown): boolean {
    if (a === b || this.#keyOf(a) === this.#keyOf(b)) return true;
    if (!this.#rules.hasTolerance) return false;
    // Not cached for plain values: tolerances depend on the path, and equal numbers occur at many paths.
    if (typeof a !== "object" || a === null) return this.#isNear(a, b);
    let known = this.#alike.get(a);
    if (known === undefined) this.#alike.set(a, known = new Map());
    let isNear = known.get(b);
    if (isNear === undefined) known.set(b, isNear = this.#isNear(a, b));
    return isNear;
  }

  #isNear(a: unknown, b: unknown): boolean {
    const outer = this.#probe;
    const probe = { hasDifference: false };
    this.#probe = probe;
    this.compare(a, b);
    this.#probe = outer;
    return !probe.hasDifference;
  }

  /** Returns the same number for values that are alike, without tolerance. Ignored values are left out. */
  #keyOf(value: unknown): number {
    this.#steps.take(KEY_STEPS);
    if (value instanceof ExactNumber) return this.#keys.keyOf("number", this.#canonicalNumber(value));
    if (typeof value === "string") return this.#keys.keyOf("string", this.#normalise(value));
    if (typeof value === "number") {
      // Below 1e15, all spellings of a number give the same double. `Map` treats -0 as 0.
      const isSmall = Math.abs(value) < 1e15;
      return isSmall ? this.#keys.keyOfPlain(value) : this.#keys.keyOf("number", this.#canonicalNumber(value));
    }
    if (typeof value !== "object" || value === null) return this.#keys.keyOfPlain(value);
    const known = this.#keyOfObject.get(value);
    if (known !== undefined) return known;
    const key = this.#path.length >= MAX_DEPTH
      ? this.#keys.keyOf("deep", textBelow(value, this.#steps))
      : this.#keyOfContainer(value);
    this.#keyOfObject.set(value, key);
    return key;
  }

  /** Refers to elements by their keys. Texts of whole elements would repeat the document on every level. */
  #keyOfContainer(value: object): number {
    this.#payForRules();
    if (Array.isArray(value)) {
      const isUnordered = this.#rules.isUnordered(this.#path);
      this.#path.push(ELEMENT);
      const keys = value.map((element) => this.#keyOf(element));
      this.#path.pop();
      this.#payForOrder(keys.length);
      if (isUnordered) keys.sort((one, other) => one - other);
      return this.#keys.keyOf("array", keys.join());
    }
    const members: number[] = [];
    const names = Object.keys(value);
    this.#payForOrder(names.length);
    names.sort();
    for (const name of names) {
      this.#path.push(name);
      if (!this.#isIgnored()) {
        this.#steps.take(name.length);
        members.push(this.#keys.keyOf("string", name), this.#keyOf((value as JsonObject)[name]));
      }
      this.#path.pop();
    }
    return this.#keys.keyOf("object", members.join());
  }

  #payForOrder(count: number): void {
    this.#steps.take(count * Math.ceil(Math.log2(count + 1)));
  }

  #normalise(text: string): string {
    this.#steps.take(text.length);
    if (!this.#rules.normalises) return text;
    this.#payForRules();
    return this.#rules.normaliseValue(text, this.#path);
  }

  #canonicalNumber(value: number | ExactNumber): string {
    this.#steps.take(value instanceof ExactNumber ? 5 * value.text.length : KEY_STEPS);
    return canonicalNumber(value);
  }

  #isIgnored(): boolean {
    if (!this.#rules.ignoresJson) return false;
    this.#payForRules();
    return this.#rules.ignoresValue(this.#path);
  }

  /** Takes steps for matching every rule against every segment of the path. */
  #payForRules(): void {
    this.#steps.take(this.#rules.pathRules * (2 + this.#path.length));
  }

  #compareLeaves(a: unknown, b: unknown): void {
    const type = jsonTypeOf(a);
    if (type !== jsonTypeOf(b)) return this.#add("type", a, b);
    if (type === "number" && this.#areNear(a, b)) return;
    if (typeof a === "string" && typeof b === "string" && this.#rules.normalises) {
      if (this.#normalise(a) === this.#normalise(b)) return;
    }
    this.#add("changed", a, b);
  }

  /** What is the same as a double is not the same number beyond 2^53. */
  #areNear(a: unknown, b: unknown): boolean {
    if (!isNumber(a) || !isNumber(b)) return false;
    this.#payForRules();
    if (typeof a === "number" && typeof b === "number") return this.#rules.isWithinTolerance(a, b, this.#path);
    if (this.#canonicalNumber(a) === this.#canonicalNumber(b)) return true;
    const [x, y] = [toDouble(a), toDouble(b)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
    // Two that have become one double are as far apart as that is from the next one, at most.
    return this.#rules.isWithinTolerance(x, x === y ? x * (1 + Number.EPSILON) : y, this.#path);
  }

  #compareBelow(a: unknown, b: unknown): void {
    if (!isSameBelow(a, b, this.#steps)) this.#add("changed", a, b);
  }

  #add(kind: DifferenceKind, expected: unknown, actual: unknown): void {
    this.#steps.take(VALUE_STEPS);
    if (this.#isDone() || this.#isIgnored()) return;
    if (this.#probe !== undefined) {
      this.#probe.hasDifference = true;
      return;
    }
    const { redactor } = this.#rules;
    const isSecret = this.#privateMembers > 0;
    const sampleOf = (value: unknown) => () =>
      isSecret ? sampleOfSecret(value, redactor) : sampleOfJson(value, this.#path, redactor);
    this.#differences.add(printJsonPath(this.#path.map(withoutSecret)), kind, {
      ...(kind === "added" ? {} : { expected: sampleOf(expected) }),
      ...(kind === "removed" ? {} : { actual: sampleOf(actual) }),
    });
  }
}

/** Keys may be secrets, and paths are shown. All secrets get the same mark, because differences are counted by path. */
function withoutSecret(segment: Segment): Segment {
  return typeof segment === "string" ? redactText(segment.slice(0, MAX_KEY_LENGTH)) : segment;
}

/** Numbers that stand for values in one comparison. Equal values have the same number. */
class ValueKeys {
  readonly #plain = new Map<unknown, number>();
  readonly #texts = {
    array: new Map<string, number>(),
    deep: new Map<string, number>(),
    number: new Map<string, number>(),
    object: new Map<string, number>(),
    string: new Map<string, number>(),
  };
  #count = 0;

  /** Returns the key of a number, boolean or null. */
  keyOfPlain(value: unknown): number {
    return this.#keyIn(this.#plain, value);
  }

  /** Returns the key of any other value, from its type and a text that only equal values of that type share. */
  keyOf(type: "array" | "deep" | "number" | "object" | "string", text: string): number {
    return this.#keyIn(this.#texts[type], text);
  }

  #keyIn<T>(keys: Map<T, number>, value: T): number {
    let key = keys.get(value);
    if (key === undefined) keys.set(value, key = this.#count++);
    return key;
  }
}

function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

function toDouble(value: number | ExactNumber): number {
  return value instanceof ExactNumber ? Number(value.text) : value;
}

/** Compares values of any depth, with a worklist instead of recursion. */
function isSameBelow(a: unknown, b: unknown, steps: StepBudget): boolean {
  const todo: (readonly [unknown, unknown])[] = [[a, b]];
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    const [x, y] = pair;
    steps.take(VALUE_STEPS);
    if (x === y) continue;
    if (Array.isArray(x) && Array.isArray(y)) {
      if (x.length !== y.length) return false;
      for (const [index, element] of x.entries()) todo.push([element, y[index]]);
    } else if (isJsonObject(x) && isJsonObject(y)) {
      const keys = Object.keys(x);
      if (keys.length !== Object.keys(y).length || !keys.every((key) => Object.hasOwn(y, key))) return false;
      for (const key of keys) todo.push([x[key], y[key]]);
    } else if (!isNumber(x) || !isNumber(y) || canonicalNumber(x) !== canonicalNumber(y)) {
      return false;
    }
  }
  return true;
}

/** Returns a text that only equal values share, at any depth. */
function textBelow(value: unknown, steps: StepBudget): string {
  const parts: string[] = [];
  const todo: (string | { readonly value: unknown })[] = [{ value }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    steps.take(VALUE_STEPS);
    if (typeof next === "string") {
      parts.push(next);
    } else if (Array.isArray(next.value)) {
      parts.push("[");
      todo.push("]");
      for (const element of next.value.toReversed()) todo.push({ value: element });
    } else if (isJsonObject(next.value)) {
      const object = next.value;
      parts.push("{");
      todo.push("}");
      for (const key of Object.keys(object).sort().reverse()) todo.push({ value: object[key] }, JSON.stringify(key));
    } else {
      parts.push(next.value instanceof ExactNumber ? next.value.text : JSON.stringify(next.value));
    }
  }
  return parts.join(" ");
}
