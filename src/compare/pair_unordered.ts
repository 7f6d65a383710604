/** Pairing of the elements of two arrays whose order is ignored. */

import { isJsonObject } from "../lib/exact_json.ts";
import { NotComparableError } from "../observe/not_comparable.ts";
import { detectIdentity, type IdentityContext, type IdentityKey, identityOf } from "./array_identity.ts";
import { isNumber, toDouble } from "./json_keys.ts";

/** Maximum pairs that are ranked by similarity: 100 elements in each array that have no equal and no identity. */
const MAX_PAIRS = 10_000;
/** Maximum elements with the same value of a member. More frequent values do not tell elements apart. */
const MAX_POSTINGS = 16;
/** Maximum elements of the other array that an element is ranked with if there are too many for all pairs. */
const MAX_RANKED = 32;
/** Elements near the same place of both sorted arrays that are compared within a tolerance. */
const TOLERANCE_WINDOW = 8;
/** Maximum members of an element that count for its similarity, and their maximum depth. */
const MAX_MEMBERS = 64;
const MAX_MEMBER_DEPTH = 3;
/** Steps per lookup of a member. */
const MEMBER_STEPS = 4;
/** Steps per ranked pair, in addition to those for the members. */
const PAIR_STEPS = 8;

/** Options of pairing. */
export interface PairingOptions extends IdentityContext {
  /** Reports whether elements with different keys are equivalent within a tolerance. `undefined`: no tolerance. */
  readonly isEquivalent: ((expected: unknown, actual: unknown) => boolean) | undefined;
  /** Members that identify an element; `undefined`: detected. */
  readonly identity: IdentityKey | undefined;
}

/** Elements without an equivalent one in the other array. */
export interface Pairing {
  /** Pairs of elements to compare. */
  readonly pairs: readonly Pair[];
  /** Remaining elements of the expected array. */
  readonly removed: readonly unknown[];
  /** Remaining elements of the actual array. */
  readonly added: readonly unknown[];
}

type Pair = readonly [expected: unknown, actual: unknown];
/** Keys of the values inside an element, by their path. */
type Members = ReadonlyMap<string, number>;

/**
 * Pairs the elements of two arrays in a time that grows as n log n.
 *
 * Equivalent elements are dropped first. Elements with the same identity are pairs, and those whose identity the other
 * array lacks are removed or added. All others are paired by similarity. If there are too many of them for that, the
 * responses are not comparable.
 */
export function pairUnordered(
  expected: readonly unknown[],
  actual: readonly unknown[],
  options: PairingOptions,
): Pairing {
  const [left, right] = withoutEqualKeys(expected, actual, options);
  const pairing = new PairingState();
  if (left.length === 0 || right.length === 0) return pairing.add(left, right);
  // Detected from all elements, because few are left if most are equal.
  const identity = options.identity ?? detectIdentity(expected, actual, options);
  const rest = identity === undefined ? { left, right } : pairByIdentity({ left, right }, identity, options, pairing);
  const unlike = withoutEquivalent(rest, options);
  if (unlike.left.length * unlike.right.length <= MAX_PAIRS) return rankAll(unlike, options, pairing);
  return rankLikely(unlike, options, pairing);
}

/** Elements of both arrays. */
interface Sides {
  readonly left: readonly unknown[];
  readonly right: readonly unknown[];
}

class PairingState implements Pairing {
  readonly pairs: Pair[] = [];
  readonly removed: unknown[] = [];
  readonly added: unknown[] = [];

  add(removed: readonly unknown[], added: readonly unknown[]): this {
    for (const element of removed) this.removed.push(element);
    for (const element of added) this.added.push(element);
    return this;
  }

  addInOrder(left: readonly unknown[], right: readonly unknown[]): this {
    const shared = Math.min(left.length, right.length);
    for (let index = 0; index < shared; index++) this.pairs.push([left[index], right[index]]);
    return this.add(left.slice(shared), right.slice(shared));
  }
}

function withoutEqualKeys(
  expected: readonly unknown[],
  actual: readonly unknown[],
  { keys }: PairingOptions,
): [left: unknown[], right: unknown[]] {
  const counts = new Map<number, number>();
  const actualKeys = actual.map((element) => keys.keyOf(element));
  for (const key of actualKeys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const left = expected.filter((element) => !takeOne(counts, keys.keyOf(element)));
  const right = actual.filter((_, index) => takeOne(counts, actualKeys[index]!));
  return [left, right];
}

function takeOne(counts: Map<number, number>, key: number): boolean {
  const count = counts.get(key) ?? 0;
  if (count > 0) counts.set(key, count - 1);
  return count > 0;
}

/**
 * Pairs the elements with the same identity. Returns all other elements: without an identity, or with one that is not
 * unique.
 */
function pairByIdentity({ left, right }: Sides, key: IdentityKey, options: PairingOptions, to: PairingState): Sides {
  const rest = { left: [] as unknown[], right: [] as unknown[] };
  const rightByText = uniqueByIdentity(right, key, options, rest.right);
  const leftByText = uniqueByIdentity(left, key, options, rest.left);
  for (const [text, element] of leftByText) {
    if (!rightByText.has(text)) to.removed.push(element);
    else to.pairs.push([element, rightByText.get(text)]);
    rightByText.delete(text);
  }
  to.add([], [...rightByText.values()]);
  return rest;
}

function uniqueByIdentity(
  elements: readonly unknown[],
  key: IdentityKey,
  options: PairingOptions,
  rest: unknown[],
): Map<string, unknown> {
  const byText = new Map<string, unknown>();
  const repeated = new Set<string>();
  const texts = elements.map((element) => identityOf(element, key, options));
  for (const text of texts) {
    if (text === undefined) continue;
    if (byText.has(text)) repeated.add(text);
    byText.set(text, undefined);
  }
  for (const text of repeated) byText.delete(text);
  for (const [index, text] of texts.entries()) {
    if (text !== undefined && byText.has(text)) byText.set(text, elements[index]);
    else rest.push(elements[index]);
  }
  return byText;
}

/** Drops elements that are equivalent within a tolerance. If there are many, only those at similar numbers are tried. */
function withoutEquivalent({ left, right }: Sides, { isEquivalent, steps }: PairingOptions): Sides {
  if (isEquivalent === undefined) return { left, right };
  const isSmall = left.length * right.length <= MAX_PAIRS;
  const others = isSmall ? [...right] : sortByNumber(right);
  const dropped = new Set<number>();
  let start = 0;
  const rest = (isSmall ? left : sortByNumber(left)).filter((element) => {
    let tried = 0;
    while (dropped.has(start)) start++;
    for (let index = start; index < others.length && (isSmall || tried < TOLERANCE_WINDOW); index++) {
      steps.take(PAIR_STEPS);
      if (dropped.has(index)) continue;
      tried++;
      // In sorted arrays, smaller numbers that do not fit this element fit no later one.
      if (!isEquivalent(element, others[index])) {
        if (!isSmall && firstNumber(others[index]) < firstNumber(element)) {
          tried--;
          if (index === start) start++;
        }
        continue;
      }
      dropped.add(index);
      return false;
    }
    return true;
  });
  return { left: rest, right: others.filter((_, index) => !dropped.has(index)) };
}

function sortByNumber(elements: readonly unknown[]): unknown[] {
  return elements.map((element) => ({ element, number: firstNumber(element) }))
    .sort((a, b) => a.number - b.number)
    .map(({ element }) => element);
}

/** Returns the first number of an element or of its members; 0 if there is none. */
function firstNumber(element: unknown): number {
  const values = isJsonObject(element) ? Object.keys(element).sort().map((name) => element[name]) : [element].flat();
  const found = values.find(isNumber);
  const double = found === undefined ? 0 : toDouble(found);
  return Number.isFinite(double) ? double : 0;
}

/** Pairs the most similar elements, after ranking all pairs. */
function rankAll({ left, right }: Sides, options: PairingOptions, to: PairingState): Pairing {
  const leftMembers = left.map((element) => membersOf(element, options));
  const rightMembers = right.map((element) => membersOf(element, options));
  const ranked = leftMembers.flatMap((a, i) =>
    rightMembers.map((b, j) => ({ i, j, score: similarity(a, b, options) }))
  );
  const rest = pairBest(ranked, { left, right }, to);
  return to.add(rest.left, rest.right);
}

interface RankedPair {
  readonly i: number;
  readonly j: number;
  readonly score: number;
}

function pairBest(ranked: RankedPair[], { left, right }: Sides, to: PairingState): Sides {
  ranked.sort((x, y) => y.score - x.score);
  const pairedLeft = new Set<number>();
  const pairedRight = new Set<number>();
  for (const { i, j } of ranked) {
    if (pairedLeft.has(i) || pairedRight.has(j)) continue;
    pairedLeft.add(i);
    pairedRight.add(j);
    to.pairs.push([left[i], right[j]]);
  }
  return {
    left: left.filter((_, index) => !pairedLeft.has(index)),
    right: right.filter((_, index) => !pairedRight.has(index)),
  };
}

/** Pairs each element with the most similar one of those with which it shares a rare value. */
function rankLikely({ left, right }: Sides, options: PairingOptions, to: PairingState): Pairing {
  // All differences between plain values have the same path, whatever the pairs.
  const [leftObjects, rightObjects] = [left.filter(isContainer), right.filter(isContainer)];
  const leftMembers = leftObjects.map((element) => membersOf(element, options));
  const rightMembers = rightObjects.map((element) => membersOf(element, options));
  const postings = postingsOf(rightMembers, options);
  const ranked: RankedPair[] = [];
  for (const [i, members] of leftMembers.entries()) {
    const likely = new Set<number>();
    for (const member of members) {
      options.steps.take(MEMBER_STEPS);
      const found = postings.get(textOf(member)) ?? [];
      if (found.length > MAX_POSTINGS) continue;
      for (const j of found) if (likely.size < MAX_RANKED) likely.add(j);
    }
    for (const j of likely) ranked.push({ i, j, score: similarity(members, rightMembers[j]!, options) });
  }
  const rest = pairBest(ranked, { left: leftObjects, right: rightObjects }, to);
  if (rest.left.length * rest.right.length <= MAX_PAIRS) rankAll(rest, options, to);
  else if (options.isEquivalent === undefined && sharesNothing(rest, options)) to.addInOrder(rest.left, rest.right);
  else throw new NotComparableError("array-too-long");
  return to.addInOrder(left.filter(isPlain), right.filter(isPlain));
}

/** Reports whether no two elements have an equal value. Then every value differs, whatever the pairs. */
function sharesNothing({ left, right }: Sides, options: PairingOptions): boolean {
  const postings = postingsOf(right.map((element) => membersOf(element, options)), options);
  return left.every((element) => [...membersOf(element, options)].every((member) => !postings.has(textOf(member))));
}

/** Returns the indexes of elements by value. The lists of frequent values are not complete. */
function postingsOf(elements: readonly Members[], { steps }: PairingOptions): Map<string, number[]> {
  const postings = new Map<string, number[]>();
  for (const [index, members] of elements.entries()) {
    for (const member of members) {
      steps.take(MEMBER_STEPS);
      const text = textOf(member);
      const found = postings.get(text);
      if (found === undefined) postings.set(text, [index]);
      else if (found.length <= MAX_POSTINGS) found.push(index);
    }
  }
  return postings;
}

function textOf([name, key]: readonly [string, number]): string {
  return `${key} ${name}`;
}

function isContainer(value: unknown): boolean {
  return Array.isArray(value) || isJsonObject(value);
}

function isPlain(value: unknown): boolean {
  return !isContainer(value);
}

/** Returns the keys of the values inside an object or array; none for a plain value. Ignored values do not count. */
function membersOf(element: unknown, { keys, here, steps }: PairingOptions): Members {
  const members = new Map<string, number>();
  const visit = (value: unknown, outer: string, depth: number) => {
    if (!isJsonObject(value)) return;
    for (const name of Object.keys(value)) {
      if (members.size >= MAX_MEMBERS) return;
      steps.take(MEMBER_STEPS);
      here.path.push(name);
      if (!here.isIgnored()) {
        const path = `${outer}\0${name}`;
        if (depth < MAX_MEMBER_DEPTH && isJsonObject(value[name])) visit(value[name], path, depth + 1);
        else members.set(path, keys.keyOf(value[name]));
      }
      here.path.pop();
    }
  };
  if (!Array.isArray(element)) {
    visit(element, "", 1);
    return members;
  }
  for (const [index, value] of element.slice(0, MAX_MEMBERS).entries()) members.set(String(index), keys.keyOf(value));
  return members;
}

/** Returns the ratio of members with equal keys. */
function similarity(a: Members, b: Members, { steps }: PairingOptions): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  steps.take(PAIR_STEPS + MEMBER_STEPS * small.size);
  let same = 0;
  for (const [name, key] of small) {
    if (large.get(name) === key) same++;
  }
  return same / Math.max(large.size, 1);
}
