/** One match of a pattern in a text, found by following its path backwards. */

import type { StepBudget } from "../step_budget.ts";
import { type Action, FROM_START, type Path } from "./lazy_automaton.ts";

/** A part of a text. */
export interface Range {
  /** Index of its first character. */
  readonly start: number;
  /** Index after its last character. */
  readonly end: number;
}

/** One match in a text. */
export interface Match extends Range {
  /** Ranges of the capture groups by number; `undefined` for groups that did not participate. */
  readonly groups: readonly (Range | undefined)[];
}

/** The end of a match, and the paths that led there. */
export interface FoundEnd {
  /** Index after the last character. */
  readonly end: number;
  /** The path from the last character to the match. */
  readonly last: Path;
  /** The paths over earlier characters, by the threads that they led to. */
  readonly before: readonly (readonly Path[])[];
  /** Number of valid elements of `before`. */
  readonly depth: number;
}

/** Steps for the groups of a match, in addition to their slots. */
const GROUPS_STEPS = 48;
/** Steps for a slot: memory, and an element of the result. */
const STEPS_PER_SLOT = 4;
/** Steps for an action, in addition to the slots that it decides. */
const STEPS_PER_ACTION = 12;
const UNDECIDED = -2;
const NOT_SET = -1;

/** Returns the match that ends at a position. */
export function traceMatch(text: string, found: FoundEnd, { slotCount, budget }: TraceOptions): Match {
  const { end, last, before } = found;
  if (slotCount > 2) budget.take(GROUPS_STEPS + STEPS_PER_SLOT * slotCount);
  const slots = slotCount > 2 ? new Int32Array(slotCount).fill(UNDECIDED) : undefined;
  let at = end;
  let path = last;
  let { depth } = found;
  if (slots !== undefined && path.actions !== undefined) decide(slots, path.actions, at, budget);
  while (path.from !== FROM_START) {
    at -= lengthBefore(text, at);
    path = before[--depth]![path.from]!;
    if (slots !== undefined && path.actions !== undefined) decide(slots, path.actions, at, budget);
  }
  const groups: (Range | undefined)[] = [{ start: at, end }];
  for (let slot = 2; slots !== undefined && slot < slotCount; slot += 2) {
    const [from, to] = [slots[slot]!, slots[slot + 1]!];
    groups.push(from < 0 || to < 0 ? undefined : { start: from, end: to });
  }
  return { start: at, end, groups };
}

/** Options of {@linkcode traceMatch}. */
export interface TraceOptions {
  /** Number of slots: two for each group. */
  readonly slotCount: number;
  /** Budget of the search. */
  readonly budget: StepBudget;
}

/**
 * Applies actions to undecided slots. The path is followed backwards, so the first action found on a slot is the last
 * one.
 */
function decide(slots: Int32Array, latest: Action, at: number, budget: StepBudget): void {
  for (let action: Action | undefined = latest; action !== undefined; action = action.before) {
    const { first, end, isSave } = action;
    budget.take(STEPS_PER_ACTION + end - first);
    for (let slot = first; slot < end; slot++) {
      if (slots[slot] === UNDECIDED) slots[slot] = isSave ? at : NOT_SET;
    }
  }
}

/** Returns the number of code units of the character before a position. */
export function lengthBefore(text: string, at: number): number {
  return at >= 2 && isTrail(text.charCodeAt(at - 1)) && isLead(text.charCodeAt(at - 2)) ? 2 : 1;
}

/** Returns the number of code units of the character at a position; 1 at the end of the text. */
export function lengthAt(text: string, at: number): number {
  return isLead(text.charCodeAt(at)) && isTrail(text.charCodeAt(at + 1)) ? 2 : 1;
}

function isLead(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isTrail(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
