/** Two JSON documents, value by value. */

import { ELEMENT, printJsonPath, type Segment } from "../config/answer_path.ts";
import { redactText } from "../lib/secret_text.ts";
import type { DifferenceList } from "./difference_list.ts";
import type { DifferenceKind } from "./difference.ts";
import { canonicalNumber, ExactNumber } from "./exact_json.ts";
import { isJsonObject, type JsonObject, jsonTypeOf } from "./json_value.ts";
import type { DifferingLeaf } from "./lockstep_json.ts";
import { pairUnordered } from "./pair_unordered.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfJson } from "./sample_text.ts";

/** Below this the rules do not reach, and whatever differs is one difference. */
const MAX_DEPTH = 100;
/** A path shows less of a key; a secret that is cut in two might not look like one. */
const MAX_KEY_LENGTH = 400;
/** How many values may be looked at to find out which elements of two arrays belong together. */
const MAX_PROBES = 50_000;

/**
 * Finds where two JSON documents differ. Numbers are compared by value, objects whatever the order of their keys; elements
 * of arrays have the path `[*]`, whatever their index.
 *
 * @param expected The primary's document, parsed.
 * @param actual The other's.
 * @param rules What counts as a difference.
 * @param differences Where they are added.
 */
export function compareJson(
  expected: unknown,
  actual: unknown,
  rules: CompareRules,
  differences: DifferenceList,
): void {
  new JsonComparison(rules, differences).compare(expected, actual);
}

/**
 * Compares what two documents of the same shape differ in, by the same rules.
 *
 * @param leaves The values that are not written alike.
 * @param rules What counts as a difference.
 * @param differences Where they are added.
 * @returns Whether that is all there is to do: where order does not count, elements must be paired first.
 */
export function compareLeaves(
  leaves: readonly DifferingLeaf[],
  rules: CompareRules,
  differences: DifferenceList,
): boolean {
  const isPaired = ({ path }: DifferingLeaf) =>
    path.some((segment, index) => segment === ELEMENT && rules.isUnordered(path.slice(0, index)));
  if (rules.hasUnordered && leaves.some(isPaired)) return false;
  for (const { path, expected, actual } of leaves) {
    new JsonComparison(rules, differences, path).compare(expected, actual);
  }
  return true;
}

/** What has been compared is told by where it stands: one path for both documents. */
class JsonComparison {
  readonly #rules: CompareRules;
  readonly #differences: DifferenceList;
  readonly #path: Segment[];
  /** While it is only asked whether two values are alike: `true` once they are not. */
  #probe: { hasDifference: boolean } | undefined;
  #probesLeft = MAX_PROBES;
  readonly #canonical = new Map<object, string>();

  constructor(rules: CompareRules, differences: DifferenceList, path: readonly Segment[] = []) {
    this.#rules = rules;
    this.#differences = differences;
    this.#path = [...path];
  }

  compare(a: unknown, b: unknown): void {
    if (a === b || this.#isDone()) return;
    if (this.#path.length >= MAX_DEPTH) return this.#compareBelow(a, b);
    if (Array.isArray(a) && Array.isArray(b)) return this.#compareArrays(a, b);
    if (isJsonObject(a) && isJsonObject(b)) return this.#compareObjects(a, b);
    this.#compareLeaves(a, b);
  }

  #isDone(): boolean {
    if (this.#probe === undefined) return this.#differences.isFull;
    if (--this.#probesLeft < 0) this.#probe.hasDifference = true;
    return this.#probe.hasDifference;
  }

  #compareObjects(a: JsonObject, b: JsonObject): void {
    const keys = Object.keys(a);
    let shared = 0;
    for (const key of keys) {
      this.#path.push(key);
      if (Object.hasOwn(b, key)) {
        shared++;
        this.compare(a[key], b[key]);
      } else {
        this.#add("removed", a[key], undefined);
      }
      this.#path.pop();
    }
    const others = Object.keys(b);
    if (others.length === shared) return;
    for (const key of others) {
      if (Object.hasOwn(a, key)) continue;
      this.#path.push(key);
      this.#add("added", undefined, b[key]);
      this.#path.pop();
    }
  }

  #compareArrays(a: readonly unknown[], b: readonly unknown[]): void {
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
    this.#probesLeft -= a.length + b.length;
    this.#path.push(ELEMENT);
    const { pairs, removed, added } = pairUnordered(a, b, {
      keyOf: (value) => this.#keyOf(value),
      isAlike: (one, other) => this.#isAlike(one, other),
    });
    for (const [one, other] of pairs) this.compare(one, other);
    for (const value of removed) this.#add("removed", value, undefined);
    for (const value of added) this.#add("added", undefined, value);
    this.#path.pop();
  }

  /**
   * Without differences being noted. Only a tolerance takes a look at all that is inside: else values are alike that have
   * the same text. When it has been asked too often, nothing is alike any more.
   */
  #isAlike(a: unknown, b: unknown): boolean {
    if (a === b || this.#keyOf(a) === this.#keyOf(b)) return true;
    if (!this.#rules.hasTolerance || this.#probesLeft <= 0) return false;
    const outer = this.#probe;
    const probe = { hasDifference: false };
    this.#probe = probe;
    this.compare(a, b);
    this.#probe = outer;
    return !probe.hasDifference;
  }

  /** The same text for values that are alike, tolerance aside: keys in one order, what is ignored left out. */
  #keyOf(value: unknown): string {
    if (value instanceof ExactNumber) return canonicalNumber(value);
    if (typeof value === "string") return JSON.stringify(this.#rules.normaliseValue(value, this.#path));
    // Up to there all ways to write a number have led to the same double, and `+ 0` makes one zero of two.
    if (typeof value === "number") return Math.abs(value) < 1e15 ? String(value + 0) : canonicalNumber(value);
    if (typeof value !== "object" || value === null) return String(value);
    const known = this.#canonical.get(value);
    if (known !== undefined) return known;
    const key = this.#path.length >= MAX_DEPTH ? textBelow(value) : this.#keyOfContainer(value);
    this.#canonical.set(value, key);
    return key;
  }

  #keyOfContainer(value: object): string {
    if (Array.isArray(value)) {
      const isUnordered = this.#rules.isUnordered(this.#path);
      this.#path.push(ELEMENT);
      const keys = value.map((element) => this.#keyOf(element));
      this.#path.pop();
      return `[${(isUnordered ? keys.sort() : keys).join(",")}]`;
    }
    const members: string[] = [];
    for (const key of Object.keys(value).sort()) {
      this.#path.push(key);
      const isIgnored = this.#rules.ignoresJson && this.#rules.ignoresValue(this.#path);
      if (!isIgnored) members.push(`${JSON.stringify(key)}:${this.#keyOf((value as JsonObject)[key])}`);
      this.#path.pop();
    }
    return `{${members.join(",")}}`;
  }

  #compareLeaves(a: unknown, b: unknown): void {
    const type = jsonTypeOf(a);
    if (type !== jsonTypeOf(b)) return this.#add("type", a, b);
    if (type === "number" && this.#areNear(a, b)) return;
    if (typeof a === "string" && typeof b === "string" && this.#rules.normalises) {
      if (this.#rules.normaliseValue(a, this.#path) === this.#rules.normaliseValue(b, this.#path)) return;
    }
    this.#add("changed", a, b);
  }

  /** What is the same as a double is not the same number beyond 2^53. */
  #areNear(a: unknown, b: unknown): boolean {
    if (typeof a === "number" && typeof b === "number") return this.#rules.isWithinTolerance(a, b, this.#path);
    if (!isNumber(a) || !isNumber(b)) return false;
    if (canonicalNumber(a) === canonicalNumber(b)) return true;
    const [x, y] = [toDouble(a), toDouble(b)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
    // Two that have become one double are as far apart as that is from the next one, at most.
    return this.#rules.isWithinTolerance(x, x === y ? x * (1 + Number.EPSILON) : y, this.#path);
  }

  #compareBelow(a: unknown, b: unknown): void {
    if (!isSameBelow(a, b)) this.#add("changed", a, b);
  }

  #add(kind: DifferenceKind, expected: unknown, actual: unknown): void {
    if (this.#isDone()) return;
    if (this.#rules.ignoresJson && this.#rules.ignoresValue(this.#path)) return;
    if (this.#probe !== undefined) {
      this.#probe.hasDifference = true;
      return;
    }
    const sampleOf = (value: unknown) => () => sampleOfJson(value, this.#path, this.#rules.redactor);
    this.#differences.add(printJsonPath(this.#path.map(withoutSecret)), kind, {
      ...(kind === "added" ? {} : { expected: sampleOf(expected) }),
      ...(kind === "removed" ? {} : { actual: sampleOf(actual) }),
    });
  }
}

/** A key may be a secret, and paths are shown. They count differences, so all secrets have one mark. */
function withoutSecret(segment: Segment): Segment {
  return typeof segment === "string" ? redactText(segment.slice(0, MAX_KEY_LENGTH)) : segment;
}

function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

function toDouble(value: number | ExactNumber): number {
  return value instanceof ExactNumber ? Number(value.text) : value;
}

/** Compares values however deep they are: with a list of what is still to do in place of the stack. */
function isSameBelow(a: unknown, b: unknown): boolean {
  const todo: (readonly [unknown, unknown])[] = [[a, b]];
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    const [x, y] = pair;
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

/** A text that two values share that are the same, however deep they are. */
function textBelow(value: unknown): string {
  const parts: string[] = [];
  const todo: (string | { readonly value: unknown })[] = [{ value }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
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
