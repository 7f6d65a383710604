/** Pairing of the elements of two arrays whose order is ignored. */

import type { StepBudget } from "../lib/step_budget.ts";

/** Maximum pairs of remaining elements that are ranked by similarity. */
const MAX_PAIRS = 2_500;
/** Steps per lookup of a member. */
const MEMBER_STEPS = 4;

/** Options of pairing. */
export interface PairingOptions {
  /** Returns the same key for equivalent elements. */
  readonly keyOf: (element: unknown) => number;
  /** Reports whether elements with different keys are equivalent within a tolerance. `undefined`: no tolerance. */
  readonly isEquivalent: ((expected: unknown, actual: unknown) => boolean) | undefined;
  /** Budget for ranking pairs. */
  readonly steps: StepBudget;
}

/** Elements without an equivalent one in the other array. */
export interface Pairing {
  /** Pairs of elements to compare, the most similar ones first. */
  readonly pairs: readonly (readonly [expected: unknown, actual: unknown])[];
  /** Remaining elements of the expected array. */
  readonly removed: readonly unknown[];
  /** Remaining elements of the actual array. */
  readonly added: readonly unknown[];
}

/**
 * Pairs the elements of two arrays. Equivalent elements are dropped first, in linear time without tolerance. If few
 * elements remain, the most similar ones are paired. Otherwise, the remaining elements are paired in order.
 */
export function pairUnordered(
  expected: readonly unknown[],
  actual: readonly unknown[],
  options: PairingOptions,
): Pairing {
  const { isEquivalent, steps } = options;
  const [withoutKey, right] = withoutEqualKeys(expected, actual, options);
  const left = isEquivalent === undefined ? withoutKey : withoutKey.filter((element) => {
    const index = right.findIndex((other) => isEquivalent(element, other));
    if (index !== -1) right.splice(index, 1);
    return index === -1;
  });
  if (left.length * right.length > MAX_PAIRS) return pairInOrder(left, right);
  const leftMembers = left.map((element) => membersOf(element, options));
  const rightMembers = right.map((element) => membersOf(element, options));
  const ranked = leftMembers
    .flatMap((a, i) => rightMembers.map((b, j) => ({ i, j, score: similarity(a, b, steps) })))
    .sort((x, y) => y.score - x.score);
  const pairs: (readonly [unknown, unknown])[] = [];
  const pairedLeft = new Set<number>();
  const pairedRight = new Set<number>();
  for (const { i, j } of ranked) {
    if (pairedLeft.has(i) || pairedRight.has(j)) continue;
    pairedLeft.add(i);
    pairedRight.add(j);
    pairs.push([left[i], right[j]]);
  }
  return {
    pairs,
    removed: left.filter((_, index) => !pairedLeft.has(index)),
    added: right.filter((_, index) => !pairedRight.has(index)),
  };
}

function withoutEqualKeys(
  expected: readonly unknown[],
  actual: readonly unknown[],
  { keyOf }: PairingOptions,
): [left: unknown[], right: unknown[]] {
  const counts = new Map<number, number>();
  const actualKeys = actual.map(keyOf);
  for (const key of actualKeys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const left = expected.filter((element) => !takeOne(counts, keyOf(element)));
  const right = actual.filter((_, index) => takeOne(counts, actualKeys[index]!));
  return [left, right];
}

function takeOne(counts: Map<number, number>, key: number): boolean {
  const count = counts.get(key) ?? 0;
  if (count > 0) counts.set(key, count - 1);
  return count > 0;
}

function pairInOrder(left: readonly unknown[], right: readonly unknown[]): Pairing {
  const shared = Math.min(left.length, right.length);
  return {
    pairs: left.slice(0, shared).map((element, index) => [element, right[index]] as const),
    removed: left.slice(shared),
    added: right.slice(shared),
  };
}

/** Returns the keys of the members of an object or array; none for a plain value. */
function membersOf(element: unknown, { keyOf }: PairingOptions): Map<string, number> {
  if (typeof element !== "object" || element === null) return new Map();
  return new Map(Object.entries(element).map(([name, value]) => [name, keyOf(value)]));
}

/** Returns the ratio of members with equal keys. */
function similarity(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>, steps: StepBudget): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  steps.take(MEMBER_STEPS * (1 + small.size));
  let same = 0;
  for (const [name, key] of small) {
    if (large.get(name) === key) same++;
  }
  return same / Math.max(large.size, 1);
}
