/**
 * Regular expressions in linear time. The native engine backtracks, so a pattern like `(a|a)*$` practically never ends
 * on 40 characters.
 */

import type { StepBudget } from "../step_budget.ts";
import { ASCII_SIZE, CharClasses, type CharTest, END_ID } from "./char_classes.ts";
import { LazyAutomaton, type Path } from "./lazy_automaton.ts";
import { type FoundEnd, lengthAt, lengthBefore, type Match, traceMatch } from "./match.ts";
import { parsePattern } from "./parse_pattern.ts";
import { compileProgram, firstTests } from "./program.ts";
import { Replacement, type TemplateGroups } from "./replacement.ts";

/** Steps per search, in addition to those for its characters. */
const STEPS_PER_SEARCH = 16;
/** Steps per character of a possible match, because its transition is kept until the match is decided. */
const STEPS_PER_KEPT = 4;
/** Characters that the native engine skips per step. */
const CHARACTERS_PER_SKIP_STEP = 8;

/**
 * A regular expression of ECMAScript with the flags `gu`, without backreferences, lookahead and lookbehind. Its matches
 * and captures are those of the native engine. The time of one search is proportional to the text. A budget limits all
 * searches of a text together, because each may look ahead to the end.
 *
 * @example Usage
 * ```ts ignore
 * const digits = new LinearRegExp("\\d+");
 * digits.replaceAll("a 12 b 3", digits.replacement("<$&>"), new StepBudget(10_000)); // "a <12> b <3>"
 * ```
 */
export class LinearRegExp {
  readonly #groups: TemplateGroups;
  readonly #slotCount: number;
  readonly #classes: CharClasses;
  readonly #automaton: LazyAutomaton;
  /** Finds a character that can begin a match; `undefined` if a match can be empty or depends on its context. */
  readonly #firstCharacter: RegExp | undefined;

  /**
   * Compiles a pattern. Flags can be set with modifiers, such as `(?i:…)`.
   *
   * @throws {SyntaxError} If the pattern is not valid with the flag `u`.
   * @throws {UnsupportedPattern} If it has a backreference, a lookahead or a lookbehind, or needs too large a program.
   */
  constructor(source: string) {
    const pattern = parsePattern(source);
    const program = compileProgram(pattern);
    this.#groups = pattern;
    this.#slotCount = program.slotCount;
    this.#classes = new CharClasses(program.tests);
    this.#automaton = new LazyAutomaton(program);
    this.#firstCharacter = toSearch(firstTests(program));
  }

  /** Reads a replacement template, such as `<$1>`, for this pattern. */
  replacement(template: string): Replacement {
    return new Replacement(template, this.#groups);
  }

  /**
   * Replaces all matches in a text.
   *
   * @throws {StepsExceeded} If it would take more steps than the budget has.
   */
  replaceAll(text: string, replacement: Replacement, budget: StepBudget): string {
    let output = "";
    let end = 0;
    for (const match of this.matches(text, budget)) {
      output += text.slice(end, match.start) + replacement.expand(text, match, budget);
      end = match.end;
    }
    return end === 0 && output === "" ? text : output + text.slice(end);
  }

  /**
   * Finds all matches in a text, from left to right.
   *
   * @throws {StepsExceeded} If it would take more steps than the budget has.
   */
  *matches(text: string, budget: StepBudget): Generator<Match> {
    for (let from = 0; from <= text.length;) {
      const found = this.#findEnd(text, from, budget);
      if (found === undefined) return;
      const match = traceMatch(text, found, { slotCount: this.#slotCount, budget });
      yield match;
      from = match.end > match.start ? match.end : match.end + lengthAt(text, match.end);
    }
  }

  /** Finds the first match that begins at a position or after it. */
  #findEnd(text: string, from: number, budget: StepBudget): FoundEnd | undefined {
    const classes = this.#classes;
    let state = this.#automaton.startAfter(
      from === 0 ? undefined : classes.byId(classes.idAt(text, from - lengthBefore(text, from), budget)),
    );
    /** The paths since the last position without an active thread. Only the first `depth` elements are valid. */
    const kept: (readonly Path[])[] = [];
    let depth = 0;
    let found: FoundEnd | undefined;
    let steps = STEPS_PER_SEARCH;
    let maxSteps = budget.left;
    for (let at = from; !state.isDead && steps <= maxSteps;) {
      const unit = text.charCodeAt(at);
      const isAscii = unit < ASCII_SIZE;
      const over = isAscii ? classes.asciiIds[unit]! : classes.idAt(text, at, budget);
      let transition = state.transitions[over];
      if (transition === undefined) {
        transition = this.#automaton.makeTransition(state, classes.byId(over), budget);
        maxSteps = budget.left;
      }
      if (transition.match !== undefined) found = { end: at, last: transition.match, before: kept, depth };
      if (over === END_ID) break;
      const wasIdle = state.isIdle;
      state = transition.next;
      at += isAscii ? 1 : lengthAt(text, at);
      if (state.isIdle) {
        depth = 0;
        steps++;
        if (!wasIdle || this.#firstCharacter === undefined) continue;
        const next = indexOf(text, this.#firstCharacter, at);
        steps += (next - at) / CHARACTERS_PER_SKIP_STEP;
        if (next === text.length) break;
        at = next;
      } else {
        kept[depth++] = transition.paths;
        steps += STEPS_PER_KEPT;
      }
    }
    budget.take(steps);
    return found;
  }
}

/**
 * Creates a search for one character. The native engine does it in linear time, because there is nothing to backtrack.
 */
function toSearch(tests: readonly CharTest[] | undefined): RegExp | undefined {
  if (tests === undefined || tests.some(({ flags }) => flags !== tests[0]!.flags)) return undefined;
  return new RegExp(tests.map(({ source }) => source).join("|"), `g${tests[0]?.flags ?? ""}`);
}

/** Returns the index of the first character that matches, from a position onwards. */
function indexOf(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex - lengthBefore(text, pattern.lastIndex) : text.length;
}
