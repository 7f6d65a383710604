/** Pairs the elements of two arrays whose order does not count. */

import type { StepBudget } from "../lib/step_budget.ts";

/** Maximum pairs of unequal elements that are searched for the most similar ones. */
const MAX_CANDIDATES = 2_500;
/** Steps per lookup of a member. */
const MEMBER_STEPS = 4;

/** Options of pairing. */
export interface PairingOptions {
  /** Returns the same number for elements that are alike. */
  readonly keyOf: (element: unknown) => number;
  /** Reports whether elements with different numbers are alike within a tolerance. `undefined`: none are. */
  readonly isAlike: ((one: unknown, other: unknown) => boolean) | undefined;
  /** Budget for the pairs that are tried. */
  readonly steps: StepBudget;
}

/** Pairs of elements that belong together but are not alike. */
export interface Pairing {
  /** Elements that differ, and are most similar to each other. */
  readonly pairs: readonly (readonly [one: unknown, other: unknown])[];
  /** What only the first array has. */
  readonly removed: readonly unknown[];
  /** What only the second one has. */
  readonly added: readonly unknown[];
}

/**
 * Pairs the elements of two arrays. Equal elements are paired first, in linear time. If few elements are left, the most
 * similar ones are paired next. All others are paired in order.
 *
 * @param a The first array.
 * @param b The second one.
 * @param options Options of pairing.
 * @returns What is not alike.
 */
export function pairUnordered(a: readonly unknown[], b: readonly unknown[], options: PairingOptions): Pairing {
  const { isAlike, steps } = options;
  const [left, right] = withoutEqual(a, b, options);
  const rest = isAlike === undefined ? left : left.filter((one) => {
    const index = right.findIndex((other) => isAlike(one, other));
    if (index !== -1) right.splice(index, 1);
    return index === -1;
  });
  if (rest.length * right.length > MAX_CANDIDATES) return pairInTurn(rest, right);
  const pairs: (readonly [unknown, unknown])[] = [];
  const members = rest.map((one) => membersOf(one, options));
  const otherMembers = right.map((other) => membersOf(other, options));
  const candidates = members
    .flatMap((one, i) => otherMembers.map((other, j) => ({ i, j, score: similarity(one, other, steps) })))
    .sort((x, y) => y.score - x.score);
  const takenLeft = new Set<number>();
  const takenRight = new Set<number>();
  for (const { i, j } of candidates) {
    if (takenLeft.has(i) || takenRight.has(j)) continue;
    takenLeft.add(i);
    takenRight.add(j);
    pairs.push([rest[i], right[j]]);
  }
  return {
    pairs,
    removed: rest.filter((_, index) => !takenLeft.has(index)),
    added: right.filter((_, index) => !takenRight.has(index)),
  };
}

function withoutEqual(
  a: readonly unknown[],
  b: readonly unknown[],
  { keyOf }: PairingOptions,
): [left: unknown[], right: unknown[]] {
  const counts = new Map<number, number>();
  const keysOfB = b.map(keyOf);
  for (const key of keysOfB) counts.set(key, (counts.get(key) ?? 0) + 1);
  const left = a.filter((element) => !takeOne(counts, keyOf(element)));
  const right = b.filter((_, index) => takeOne(counts, keysOfB[index]!));
  return [left, right];
}

function takeOne(counts: Map<number, number>, key: number): boolean {
  const count = counts.get(key) ?? 0;
  if (count > 0) counts.set(key, count - 1);
  return count > 0;
}

function pairInTurn(left: readonly unknown[], right: readonly unknown[]): Pairing {
  const both = Math.min(left.length, right.length);
  return {
    pairs: left.slice(0, both).map((one, index) => [one, right[index]] as const),
    removed: left.slice(both),
    added: right.slice(both),
  };
}

/** Returns the members of an object or array; none for a plain value. */
function membersOf(element: unknown, { keyOf }: PairingOptions): Map<string, number> {
  if (typeof element !== "object" || element === null) return new Map();
  return new Map(Object.entries(element).map(([key, value]) => [key, keyOf(value)]));
}

/** Returns the ratio of equal members. */
function similarity(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
  steps: StepBudget,
): number {
  const [small, large] = one.size < other.size ? [one, other] : [other, one];
  steps.take(MEMBER_STEPS * (1 + small.size));
  let same = 0;
  for (const [key, value] of small) {
    if (large.get(key) === value) same++;
  }
  return same / Math.max(large.size, 1);
}
