/** A syntax tree, compiled to instructions of a nondeterministic machine whose threads have priorities. */

import type { CharTest } from "./char_classes.ts";
import {
  type Assertion,
  type Pattern,
  type PatternNode,
  type RepeatNode,
  UnsupportedPattern,
} from "./parse_pattern.ts";

/** Maximum instructions of one pattern. A limit is needed because repetitions are unrolled: `(a{1000}){1000}`. */
const MAX_INSTRUCTIONS = 4_096;
/** Maximum capture groups of one pattern. */
const MAX_CAPTURES = 100;

/**
 * An instruction. By default, a thread continues with the next one.
 *
 * - `char`: consumes a character that passes a test.
 * - `split`: continues in two places; the first has priority.
 * - `save`: stores the position in a slot. Group N has the slots 2N (start) and 2N + 1 (end).
 * - `clear`: clears the slots from `first` up to, but not including, `end`.
 * - `enter`, `leave`: the body of an optional iteration. An iteration that consumed nothing fails (ECMA-262,
 * RepeatMatcher).
 */
export type Instruction =
  | { readonly op: "char"; readonly test: number }
  | { readonly op: "split"; readonly first: number; readonly second: number }
  | { readonly op: "jump"; readonly to: number }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "clear"; readonly first: number; readonly end: number }
  | { readonly op: "enter" | "leave" | "match" }
  | {
    readonly op: "assert";
    readonly kind: Assertion["kind"];
    /** Index of the test for both neighbouring characters; unused for assertions on the ends of the text. */
    readonly test: number;
  };

/** A compiled pattern. */
export interface Program {
  readonly instructions: readonly Instruction[];
  /** The tests that `char` and `assert` refer to by index. */
  readonly tests: readonly CharTest[];
  /** Indexes of tests that assertions apply to the character before a position. */
  readonly contextTests: readonly number[];
  /** Number of slots: two for each capture group and for the whole match. */
  readonly slotCount: number;
}

/**
 * Compiles a pattern.
 *
 * @throws {UnsupportedPattern} If the program would be too large.
 */
export function compileProgram({ root, captureCount }: Pattern): Program {
  if (captureCount > MAX_CAPTURES) throw new UnsupportedPattern(`more than ${MAX_CAPTURES} capture groups`);
  if (sizeOf(root) > MAX_INSTRUCTIONS) {
    throw new UnsupportedPattern(`repetitions that amount to more than ${MAX_INSTRUCTIONS} steps`);
  }
  const compiler = new Compiler();
  compiler.compile(root);
  return compiler.finish(captureCount);
}

/**
 * Finds tests such that the first character of every match passes one of them. Returns `undefined` if a match can be
 * empty, or depends on the character before it.
 */
export function firstTests({ instructions, tests }: Program): readonly CharTest[] | undefined {
  const found = new Set<number>();
  const reached = new Set([0]);
  for (const at of reached) {
    const instruction = instructions[at]!;
    switch (instruction.op) {
      case "match":
      case "assert":
        return undefined;
      case "char":
        found.add(instruction.test);
        break;
      case "split":
        reached.add(instruction.first).add(instruction.second);
        break;
      case "jump":
        reached.add(instruction.to);
        break;
      default:
        reached.add(at + 1);
    }
  }
  return [...found].map((test) => tests[test]!);
}

/** Returns an upper bound of the number of instructions. */
function sizeOf(node: PatternNode): number {
  switch (node.type) {
    case "sequence":
      return node.nodes.reduce((sum, inner) => sum + sizeOf(inner), 0);
    case "choice":
      return node.nodes.reduce((sum, inner) => sum + sizeOf(inner) + 2, 0);
    case "capture":
      return sizeOf(node.node) + 2;
    case "repeat": {
      // Counted as at least one, because even an empty body takes time to compile.
      const body = Math.max(1, sizeOf(node.node)) + (node.captures.first < node.captures.end ? 1 : 0);
      const optionalCount = node.max === Infinity ? 1 : node.max - node.min;
      return node.min * body + optionalCount * (body + 4);
    }
    default:
      return 1;
  }
}

function canBeEmpty(node: PatternNode): boolean {
  switch (node.type) {
    case "char":
      return false;
    case "assertion":
      return true;
    case "sequence":
      return node.nodes.every(canBeEmpty);
    case "choice":
      return node.nodes.some(canBeEmpty);
    case "capture":
      return canBeEmpty(node.node);
    case "repeat":
      return node.min === 0 || canBeEmpty(node.node);
  }
}

class Compiler {
  readonly #instructions: Instruction[] = [];
  readonly #tests: CharTest[] = [];
  readonly #testIndexes = new Map<string, number>();
  readonly #contextTests = new Set<number>();

  finish(captureCount: number): Program {
    this.#instructions.push({ op: "match" });
    return {
      instructions: this.#instructions,
      tests: this.#tests,
      contextTests: [...this.#contextTests],
      slotCount: 2 * (captureCount + 1),
    };
  }

  compile(node: PatternNode): void {
    switch (node.type) {
      case "char":
        this.#instructions.push({ op: "char", test: this.#indexOf(node.test) });
        return;
      case "assertion":
        return this.#compileAssertion(node.assertion);
      case "sequence":
        for (const inner of node.nodes) this.compile(inner);
        return;
      case "choice":
        return this.#compileChoice(node.nodes);
      case "capture":
        this.#instructions.push({ op: "save", slot: 2 * node.index });
        this.compile(node.node);
        this.#instructions.push({ op: "save", slot: 2 * node.index + 1 });
        return;
      case "repeat":
        return this.#compileRepeat(node);
    }
  }

  #indexOf(test: CharTest): number {
    const key = `${test.flags} ${test.source}`;
    const known = this.#testIndexes.get(key);
    if (known !== undefined) return known;
    const index = this.#tests.push(test) - 1;
    this.#testIndexes.set(key, index);
    return index;
  }

  #compileAssertion(assertion: Assertion): void {
    const test = "test" in assertion ? this.#indexOf(assertion.test) : -1;
    if (test !== -1) this.#contextTests.add(test);
    this.#instructions.push({ op: "assert", kind: assertion.kind, test });
  }

  #compileChoice(nodes: readonly PatternNode[]): void {
    const ends: number[] = [];
    for (const [index, node] of nodes.entries()) {
      if (index === nodes.length - 1) {
        this.compile(node);
        break;
      }
      const split = this.#reserve();
      this.compile(node);
      ends.push(this.#reserve());
      this.#instructions[split] = { op: "split", first: split + 1, second: this.#instructions.length };
    }
    for (const end of ends) this.#instructions[end] = { op: "jump", to: this.#instructions.length };
  }

  #compileRepeat(node: RepeatNode): void {
    const { min, max } = node;
    for (let count = 0; count < min; count++) this.#compileIteration(node, { isOptional: false });
    if (max === Infinity) {
      const split = this.#reserve();
      this.#compileIteration(node, { isOptional: true });
      this.#instructions.push({ op: "jump", to: split });
      this.#setSplit(split, node);
      return;
    }
    const splits: number[] = [];
    for (let count = min; count < max; count++) {
      splits.push(this.#reserve());
      this.#compileIteration(node, { isOptional: true });
    }
    for (const split of splits) this.#setSplit(split, node);
  }

  #compileIteration({ node, captures: { first, end } }: RepeatNode, { isOptional }: { isOptional: boolean }): void {
    if (first < end) this.#instructions.push({ op: "clear", first: 2 * first, end: 2 * end });
    const mustConsume = isOptional && canBeEmpty(node);
    if (mustConsume) this.#instructions.push({ op: "enter" });
    this.compile(node);
    if (mustConsume) this.#instructions.push({ op: "leave" });
  }

  #reserve(): number {
    return this.#instructions.push({ op: "match" }) - 1;
  }

  /** Lets the split at the beginning of an iteration skip to the current end of the program. */
  #setSplit(split: number, { isGreedy }: RepeatNode): void {
    const [body, exit] = [split + 1, this.#instructions.length];
    this.#instructions[split] = isGreedy
      ? { op: "split", first: body, second: exit }
      : { op: "split", first: exit, second: body };
  }
}
