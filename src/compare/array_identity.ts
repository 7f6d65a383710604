/** Identity keys of array elements: members by which an element is found again in the other array. */

import type { Segment } from "../config/body_path.ts";
import { ExactNumber, isJsonObject } from "../lib/exact_json.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import { isNumber, type JsonRules, type ValueKeys } from "./json_keys.ts";

/** Members that identify an element together. Each is a list of names, from the element to a text or number. */
export type IdentityKey = readonly (readonly string[])[];

/** State of the comparison that the arrays belong to. The current path is that of the elements. */
export interface IdentityContext {
  readonly here: JsonRules;
  readonly keys: ValueKeys;
  readonly steps: StepBudget;
}

/** Elements that are searched for members which may be an identity. */
const SEARCHED_ELEMENTS = 3;
/** Maximum members that may be an identity. */
const MAX_CANDIDATES = 24;
/** Elements that decide between several identities. */
const MAX_WITNESSES = 50;
/** Steps per lookup of a member. */
const MEMBER_STEPS = 8;
/** Matches names that usually identify something. */
const IDENTIFYING =
  /^_?(?:id|uuid|guid|key|code|slug|sku|name|title|email|login|path|url|uri|href)$|[a-z](?:_id|Id|ID|Uuid)$/;
/** Minimum ratio of identities that both arrays have. Values of other members are often unique by chance. */
const MIN_SHARED = { identifying: 0.5, other: 0.9 };

/**
 * Returns the member that identifies the elements of both arrays; `undefined` if there is none. It is a text or number,
 * unique in each array, and most of its values are in both. If several members qualify, the elements that they pair
 * are compared.
 */
export function detectIdentity(
  expected: readonly unknown[],
  actual: readonly unknown[],
  context: IdentityContext,
): IdentityKey | undefined {
  const found: { readonly key: IdentityKey; readonly pairs: readonly (readonly [unknown, unknown])[] }[] = [];
  for (const names of candidatesOf(expected, context)) {
    const key = [names];
    const left = uniqueIdentities(expected, key, context);
    const right = left && uniqueIdentities(actual, key, context);
    if (left === undefined || right === undefined) continue;
    const pairs: (readonly [unknown, unknown])[] = [];
    for (const [text, element] of left) if (right.has(text)) pairs.push([element, right.get(text)]);
    const minShared = IDENTIFYING.test(names.at(-1)!) ? MIN_SHARED.identifying : MIN_SHARED.other;
    const isShared = pairs.length > 0 && pairs.length >= minShared * Math.min(left.size, right.size);
    if (isShared) found.push({ key, pairs });
  }
  if (found.length < 2) return found[0]?.key;
  let best: { readonly key: IdentityKey; readonly score: number } | undefined;
  for (const { key, pairs } of found) {
    const score = agreement(pairs, context);
    if (best === undefined || score > best.score) best = { key, score };
  }
  return best!.key;
}

/** Returns the identity of an element as text; `undefined` if it lacks one of the members. */
export function identityOf(element: unknown, key: IdentityKey, context: IdentityContext): string | undefined {
  const parts: string[] = [];
  for (const names of key) {
    const part = textAt(element, names, context);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : JSON.stringify(parts);
}

/** Returns the members of the first elements that may be an identity, the likely ones first. */
function candidatesOf(elements: readonly unknown[], { here, steps }: IdentityContext): string[][] {
  const likely = new Map<string, string[]>();
  const others = new Map<string, string[]>();
  const add = (value: unknown, names: string[]) => {
    if (typeof value !== "string" && !isNumber(value)) return;
    (IDENTIFYING.test(names.at(-1)!) ? likely : others).set(JSON.stringify(names), names);
  };
  const visit = (object: unknown, outer: readonly string[]) => {
    if (!isJsonObject(object)) return;
    for (const name of Object.keys(object).slice(0, MAX_CANDIDATES)) {
      steps.take(MEMBER_STEPS);
      const names = [...outer, name];
      if (isIgnored(here, names)) continue;
      add(object[name], names);
      if (outer.length === 0) visit(object[name], names);
    }
  };
  for (const element of elements.slice(0, SEARCHED_ELEMENTS)) visit(element, []);
  return [...likely.values(), ...others.values()].slice(0, MAX_CANDIDATES);
}

/** Returns the elements by identity; `undefined` if one has none, or if two have the same. */
function uniqueIdentities(
  elements: readonly unknown[],
  key: IdentityKey,
  context: IdentityContext,
): Map<string, unknown> | undefined {
  const byText = new Map<string, unknown>();
  for (const element of elements) {
    const text = identityOf(element, key, context);
    if (text === undefined || byText.has(text)) return undefined;
    byText.set(text, element);
  }
  return byText;
}

/** Returns the number of members that are equal within the first pairs. */
function agreement(pairs: readonly (readonly [unknown, unknown])[], { here, keys, steps }: IdentityContext): number {
  let same = 0;
  for (const [a, b] of pairs.slice(0, MAX_WITNESSES)) {
    if (!isJsonObject(a) || !isJsonObject(b)) continue;
    for (const name of Object.keys(a)) {
      steps.take(MEMBER_STEPS);
      if (!Object.hasOwn(b, name)) continue;
      here.path.push(name);
      if (keys.keyOf(a[name]) === keys.keyOf(b[name])) same++;
      here.path.pop();
    }
  }
  return same;
}

/** Returns a text or number as text. Both kinds are the same identity, so that a changed type is found at its path. */
function textAt(element: unknown, names: readonly string[], { here, steps }: IdentityContext): string | undefined {
  let value = element;
  for (const name of names) {
    steps.take(MEMBER_STEPS);
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  if (isNumber(value)) return textOfNumber(value, here);
  if (typeof value !== "string") return undefined;
  return within(here, names, () => here.normalise(value as string));
}

function textOfNumber(value: number | ExactNumber, here: JsonRules): string {
  const text = value instanceof ExactNumber ? value.text : String(value);
  return /^-?\d+$/.test(text) ? text : here.canonicalNumber(value);
}

function isIgnored(here: JsonRules, names: readonly string[]): boolean {
  return within(here, names, () => here.isIgnored());
}

function within<T>({ path }: { readonly path: Segment[] }, names: readonly string[], run: () => T): T {
  const { length } = path;
  path.push(...names);
  const result = run();
  path.length = length;
  return result;
}
