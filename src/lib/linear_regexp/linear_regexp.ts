/**
 * Regular expressions in linear time. The native engine backtracks, so that a pattern like `(a|a)*$` never ends on a text
 * of 40 characters.
 */

import type { StepBudget } from "../step_budget.ts";
import { ASCII_SIZE, CharClasses, type CharTest, END_ID } from "./char_classes.ts";
import { LazyAutomaton, type Path } from "./lazy_automaton.ts";
import { type FoundEnd, lengthAt, lengthBefore, type Match, traceMatch } from "./match.ts";
import { parsePattern } from "./parse_pattern.ts";
import { compileProgram, firstTests } from "./program.ts";
import { Replacement, type TemplateGroups } from "./replacement.ts";

/** Steps that one search takes besides those for its characters. */
const STEPS_PER_SEARCH = 16;
/** Steps for a character within a possible match: its transition is kept until the match is decided. */
const STEPS_PER_KEPT = 4;
/** Characters that the native engine skips in the time of one step. */
const CHARACTERS_PER_SKIP_STEP = 8;

/**
 * A regular expression of ECMAScript with the flags `gu`, without backreferences, lookahead and lookbehind. Its matches and
 * captures are those of the native engine. One search takes time in proportion to the text. A budget bounds all searches
 * of a text together, as each of them may look ahead to the end.
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
  /** Finds a character with which a match can begin; `undefined` if more than the character decides. */
  readonly #firstCharacter: RegExp | undefined;

  /**
   * Compiles a pattern.
   *
   * @param source The text of the pattern. Flags can be set with modifiers, such as `(?i:…)`.
   * @throws {SyntaxError} When the pattern is not valid with the flag `u`.
   * @throws {UnsupportedPattern} When it has a backreference, a lookahead or a lookbehind, or would need too large a program.
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
   * @throws {StepsExceeded} When it would take more steps than the budget has.
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
   * @throws {StepsExceeded} When it would take more steps than the budget has.
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
    /** The paths since the last position at which no thread was under way: the first `depth` elements. */
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

/** Makes a search for one character. It is linear in the native engine, too, as there is nothing to backtrack. */
function toSearch(tests: readonly CharTest[] | undefined): RegExp | undefined {
  if (tests === undefined || tests.some(({ flags }) => flags !== tests[0]!.flags)) return undefined;
  return new RegExp(tests.map(({ source }) => source).join("|"), `g${tests[0]?.flags ?? ""}`);
}

/** Returns the index of the first character from a position on that a pattern of one character matches. */
function indexOf(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex - lengthBefore(text, pattern.lastIndex) : text.length;
}
