/** Equivalence classes of characters: characters that pass the same tests of a pattern share a class. */

import type { StepBudget } from "../step_budget.ts";

/** Maximum characters outside ASCII whose class is cached. If there are more, the cache is cleared. */
const MAX_MEMOISED = 4_096;
const STEPS_PER_TEST = 16;
/** Number of ASCII characters. */
export const ASCII_SIZE = 128;
/** Identifier of the class for the end of the text. */
export const END_ID = 0;

/** A test of one character: one atom of a pattern, like `a`, `.`, `\d` or `[^/]`. */
export interface CharTest {
  /** Source text of the atom. */
  readonly source: string;
  /** Flags that apply to the atom. */
  readonly flags: string;
}

/** A class of characters. */
export interface CharClass {
  /** Index in order of discovery; {@linkcode END_ID} for the end of the text. */
  readonly id: number;
  /** 1 for each test that the characters pass, by the index of the test. */
  readonly passes: Uint8Array;
}

/**
 * Sorts characters into classes by testing them. The native engine tests one atom against one character, which takes
 * constant time. Class escapes, properties and case folding are therefore exactly those of the language.
 */
export class CharClasses {
  /** Identifiers of the classes of ASCII characters, by their code. */
  readonly asciiIds: Uint16Array;
  readonly #tests: readonly ((character: string) => boolean)[];
  readonly #classes: CharClass[];
  readonly #idByPasses = new Map<string, number>();
  readonly #idByCodePoint = new Map<number, number>();

  /** Prepares the classes for a list of tests. */
  constructor(tests: readonly CharTest[]) {
    this.#tests = tests.map(toPredicate);
    this.#classes = [{ id: END_ID, passes: new Uint8Array(tests.length) }];
    this.asciiIds = Uint16Array.from({ length: ASCII_SIZE }, (_, code) => this.#classify(code));
  }

  /** Returns a class. */
  byId(id: number): CharClass {
    return this.#classes[id]!;
  }

  /** Returns the identifier of the class of the character at a position. */
  idAt(text: string, at: number, budget: StepBudget): number {
    const codePoint = text.codePointAt(at);
    if (codePoint === undefined) return END_ID;
    if (codePoint < ASCII_SIZE) return this.asciiIds[codePoint]!;
    const known = this.#idByCodePoint.get(codePoint);
    if (known !== undefined) return known;
    budget.take(STEPS_PER_TEST * this.#tests.length);
    if (this.#idByCodePoint.size >= MAX_MEMOISED) this.#idByCodePoint.clear();
    const id = this.#classify(codePoint);
    this.#idByCodePoint.set(codePoint, id);
    return id;
  }

  #classify(codePoint: number): number {
    const character = String.fromCodePoint(codePoint);
    const passes = Uint8Array.from(this.#tests, (test) => test(character) ? 1 : 0);
    const key = passes.join("");
    const known = this.#idByPasses.get(key);
    if (known !== undefined) return known;
    const id = this.#classes.push({ id: this.#classes.length, passes }) - 1;
    this.#idByPasses.set(key, id);
    return id;
  }
}

function toPredicate({ source, flags }: CharTest): (character: string) => boolean {
  const isLiteral = !flags.includes("i") && source !== "." && String.fromCodePoint(source.codePointAt(0)!) === source;
  if (isLiteral) return (character) => character === source;
  const pattern = new RegExp(`^(?:${source})$`, flags);
  return (character) => pattern.test(character);
}
