/** The rules at a path in JSON documents, and keys that are equal for equivalent values. */

import { ELEMENT, type Segment } from "../config/body_path.ts";
import { canonicalNumber, ExactNumber, isJsonObject, type JsonObject } from "../lib/exact_json.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import type { ComparisonContext } from "./difference.ts";
import { canonicalInstant } from "./equivalent_texts.ts";
import type { CompareRules } from "./rules.ts";

/** Maximum depth at which rules apply. Deeper values are compared without rules, and without recursion. */
export const MAX_RULE_DEPTH = 100;
/** Steps per visited value: the path, the call, and the lookup of a key. */
export const VALUE_STEPS = 10;
/** Steps per key of a value, in addition to the length of its text. */
const KEY_STEPS = 20;

/**
 * Applies rules at the current path, which is the same in both documents. Methods take the steps of their work first.
 */
export class JsonRules {
  /** Current path. Callers push a segment before they visit a nested value, and pop it afterwards. */
  readonly path: Segment[];
  readonly #rules: CompareRules;
  readonly #steps: StepBudget;

  /** Starts at a path; by default, at the root. */
  constructor({ rules, steps }: ComparisonContext, path: readonly Segment[] = []) {
    this.#rules = rules;
    this.#steps = steps;
    this.path = [...path];
  }

  /** Reports whether the value is ignored. */
  isIgnored(): boolean {
    if (!this.#rules.ignoresJson) return false;
    this.takeRuleSteps();
    return this.#rules.ignoresValue(this.path);
  }

  /** Reports whether the order of the array's elements is ignored. Callers call `takeRuleSteps` first. */
  isUnordered(): boolean {
    return this.#rules.isUnordered(this.path);
  }

  /** Normalises a string. */
  normalise(text: string): string {
    this.#steps.take(text.length);
    if (!this.#rules.normalises) return text;
    this.takeRuleSteps();
    return this.#rules.normaliseValue(text, this.path);
  }

  /** Reports whether null equals absence at the current path. */
  isNullMissing(): boolean {
    this.takeRuleSteps();
    return this.#rules.isNullMissing(this.path);
  }

  /** Returns the instant that a value stands for; `undefined` if it is none. */
  instantOf(value: unknown): string | undefined {
    if (!this.#rules.hasInstants || (typeof value !== "string" && typeof value !== "number")) return undefined;
    this.takeRuleSteps();
    return this.#rules.mayBeInstant(this.path) ? canonicalInstant(String(value)) : undefined;
  }

  /** Reports whether two texts are equal within the tolerance of the numbers in them. */
  areNearTexts(a: string, b: string): boolean {
    if (!this.#rules.hasTolerance) return false;
    this.#steps.take(a.length + b.length);
    this.takeRuleSteps();
    return this.#rules.areNearTexts(a, b, this.path);
  }

  /** Returns the canonical spelling of a number. */
  canonicalNumber(value: number | ExactNumber): string {
    this.#steps.take(value instanceof ExactNumber ? 5 * value.text.length : KEY_STEPS);
    return canonicalNumber(value);
  }

  /** Reports whether two values are numbers that are equal within the tolerance. */
  areNear(a: unknown, b: unknown): boolean {
    if (!isNumber(a) || !isNumber(b)) return false;
    this.takeRuleSteps();
    if (typeof a === "number" && typeof b === "number") return this.#rules.isWithinTolerance(a, b, this.path);
    if (this.canonicalNumber(a) === this.canonicalNumber(b)) return true;
    const [x, y] = [toDouble(a), toDouble(b)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
    // Beyond 2^53, different numbers may become the same double. Their distance is at most that to the next double.
    return this.#rules.isWithinTolerance(x, x === y ? x * (1 + Number.EPSILON) : y, this.path);
  }

  /** Takes steps for matching every rule against every segment of the path. */
  takeRuleSteps(): void {
    this.#steps.take(this.#rules.pathRuleCount * (2 + this.path.length));
  }
}

type KeyedType = "array" | "deep" | "number" | "object" | "string";

/** Integer keys of values in one comparison. Values that are equivalent without tolerance have the same key. */
export class ValueKeys {
  readonly #rules: JsonRules;
  readonly #steps: StepBudget;
  readonly #keyOfObject = new Map<object, number>();
  readonly #plain = new Map<unknown, number>();
  readonly #texts: Readonly<Record<KeyedType, Map<string, number>>> = {
    array: new Map(),
    deep: new Map(),
    number: new Map(),
    object: new Map(),
    string: new Map(),
  };
  #count = 0;

  /** Creates keys for values at the current path of `rules`. */
  constructor(rules: JsonRules, steps: StepBudget) {
    this.#rules = rules;
    this.#steps = steps;
  }

  /** Returns the key of the value at the current path. Ignored members do not contribute to it. */
  keyOf(value: unknown): number {
    this.#steps.take(KEY_STEPS);
    if (value instanceof ExactNumber) return this.#textKey("number", this.#rules.canonicalNumber(value));
    if (typeof value === "string") return this.#textKey("string", this.#rules.normalise(value));
    if (typeof value === "number") {
      const instant = this.#rules.instantOf(value);
      if (instant !== undefined) return this.#textKey("string", instant);
      // Below 1e15, all spellings of a number give the same double. `Map` treats -0 as 0.
      const isSmall = Math.abs(value) < 1e15;
      return isSmall ? this.#plainKey(value) : this.#textKey("number", this.#rules.canonicalNumber(value));
    }
    if (typeof value !== "object" || value === null) return this.#plainKey(value);
    const known = this.#keyOfObject.get(value);
    if (known !== undefined) return known;
    const key = this.#rules.path.length >= MAX_RULE_DEPTH
      ? this.#textKey("deep", canonicalText(value, this.#steps))
      : this.#keyOfContainer(value);
    this.#keyOfObject.set(value, key);
    return key;
  }

  /** Builds the key from those of the elements. Texts of whole elements would repeat the document on every level. */
  #keyOfContainer(value: object): number {
    const { path } = this.#rules;
    this.#rules.takeRuleSteps();
    if (Array.isArray(value)) {
      const isUnordered = this.#rules.isUnordered();
      path.push(ELEMENT);
      const keys = value.map((element) => this.keyOf(element));
      path.pop();
      this.#takeSortSteps(keys.length);
      if (isUnordered) keys.sort((a, b) => a - b);
      return this.#textKey("array", keys.join());
    }
    const members: number[] = [];
    const names = Object.keys(value);
    this.#takeSortSteps(names.length);
    names.sort();
    for (const name of names) {
      path.push(name);
      const isMissing = (value as JsonObject)[name] === null && this.#rules.isNullMissing();
      if (!isMissing && !this.#rules.isIgnored()) {
        this.#steps.take(name.length);
        members.push(this.#textKey("string", name), this.keyOf((value as JsonObject)[name]));
      }
      path.pop();
    }
    return this.#textKey("object", members.join());
  }

  #takeSortSteps(count: number): void {
    this.#steps.take(count * Math.ceil(Math.log2(count + 1)));
  }

  /** Returns the key of a number, boolean or null. */
  #plainKey(value: unknown): number {
    return this.#keyIn(this.#plain, value);
  }

  /** Returns the key of any other value, from its type and a text that only equivalent values of the type share. */
  #textKey(type: KeyedType, text: string): number {
    return this.#keyIn(this.#texts[type], text);
  }

  #keyIn<T>(keys: Map<T, number>, value: T): number {
    let key = keys.get(value);
    if (key === undefined) keys.set(value, key = this.#count++);
    return key;
  }
}

/** Reports whether two values are equal at any depth. A worklist replaces recursion, which could overflow the stack. */
export function isEqualDeep(a: unknown, b: unknown, steps: StepBudget): boolean {
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

/** Returns a text that only equal values share, at any depth and without recursion. */
function canonicalText(value: unknown, steps: StepBudget): string {
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

/** Reports whether a parsed JSON value is a number. */
export function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

/** Returns the double that is nearest to a number. */
export function toDouble(value: number | ExactNumber): number {
  return value instanceof ExactNumber ? Number(value.text) : value;
}
