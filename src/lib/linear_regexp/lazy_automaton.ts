/** A deterministic automaton whose states are created when a text first needs them. */

import type { StepBudget } from "../step_budget.ts";
import { type CharClass, END_ID } from "./char_classes.ts";
import type { Instruction, Program } from "./program.ts";

/**
 * Maximum size of the cached automaton in list elements of about 16 bytes. When it is reached, the cache is cleared.
 */
const MAX_CACHED_ELEMENTS = 65_536;
/** Elements counted for each state or transition, in addition to its lists. */
const FIXED_ELEMENTS = 16;
/** Steps for creating a transition, in addition to those for each visited instruction. */
const STEPS_PER_TRANSITION = 128;
const STEPS_PER_VISIT = 16;
/** Origin of a path that begins at this position instead of with a thread of the state. */
export const FROM_START = -1;

/** A change to slots, made by a thread at one position. */
export interface Action {
  /** The slots from `first` up to, but not including, `end`. */
  readonly first: number;
  readonly end: number;
  /** True if the slots are set to the position, otherwise they are cleared. */
  readonly isSave: boolean;
  /** The action before this one at the same position. */
  readonly before: Action | undefined;
}

/** A path that leads from a thread of one state to a thread of the next one, or to a match. */
export interface Path {
  /** Index of the thread; {@linkcode FROM_START} for a thread that begins here. */
  readonly from: number;
  readonly actions: Action | undefined;
}

/** A set of threads in the order of their priority. */
export interface State {
  /** Positions in the program at which the threads continue. */
  readonly threads: readonly number[];
  /** True until a match is found. Until then, a thread begins at each position. */
  readonly isSearching: boolean;
  /** True if no thread is active, but threads may still begin. */
  readonly isIdle: boolean;
  /** True if no thread is active, and none will begin. */
  readonly isDead: boolean;
  /** Facts about the previous character that assertions need, one bit each. */
  readonly context: number;
  /** Transitions by the id of the next character's class. */
  readonly transitions: (Transition | undefined)[];
}

/** A step from one state to the next one over a character, or over the end of the text. */
export interface Transition {
  readonly next: State;
  /** The paths that lead to the threads of the next state. */
  readonly paths: readonly Path[];
  /** The path to a match that ends before the character. */
  readonly match: Path | undefined;
}

/** The bit of a context that is set at the start of the text. */
const TEXT_START = 1;

/**
 * Creates states on demand. Threads have priorities, so the result is that of a backtracking engine: leftmost, then
 * first in order.
 */
export class LazyAutomaton {
  readonly #program: Program;
  readonly #seen: Uint8Array;
  readonly #states = new Map<string, State>();
  #starts: State[] = [];
  #elements = 0;

  /** Starts without any states. */
  constructor(program: Program) {
    this.#program = program;
    this.#seen = new Uint8Array(2 * program.instructions.length);
  }

  /** Returns the first state of a search, after a character or at the start of the text. */
  startAfter(previous: CharClass | undefined): State {
    const context = this.#contextAfter(previous);
    return this.#starts[context] ??= this.#stateOf([], true, context);
  }

  /** Creates the transition from a state over a class of characters. */
  makeTransition(state: State, over: CharClass, budget: StepBudget): Transition {
    const step = new Step(this.#program, { state, over, seen: this.#seen });
    step.run();
    budget.take(STEPS_PER_TRANSITION + STEPS_PER_VISIT * step.visits);
    const growth = Math.max(0, over.id + 1 - state.transitions.length);
    this.#elements += FIXED_ELEMENTS + step.visits + step.threads.length + growth;
    if (this.#elements > MAX_CACHED_ELEMENTS) this.#clear();
    const isSearching = state.isSearching && step.match === undefined;
    const next = this.#stateOf(step.threads, isSearching, this.#contextAfter(over));
    const transition = { next, paths: step.paths, match: step.match };
    state.transitions[over.id] = transition;
    return transition;
  }

  #clear(): void {
    this.#states.clear();
    this.#starts = [];
    this.#elements = 0;
  }

  #stateOf(threads: readonly number[], isSearching: boolean, context: number): State {
    const key = `${isSearching ? "s" : ""}${context}:${threads.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const isEmpty = threads.length === 0;
    const state: State = {
      threads,
      isSearching,
      isIdle: isEmpty && isSearching,
      isDead: isEmpty && !isSearching,
      context,
      transitions: [],
    };
    this.#states.set(key, state);
    this.#elements += FIXED_ELEMENTS + 2 * threads.length;
    return state;
  }

  #contextAfter(previous: CharClass | undefined): number {
    if (previous === undefined) return TEXT_START;
    let context = 0;
    for (const [index, test] of this.#program.contextTests.entries()) {
      if (previous.passes[test] === 1) context |= TEXT_START << (index + 1);
    }
    return context;
  }
}

interface Visit {
  readonly at: number;
  /** True if the thread has consumed a character since the last `enter`. */
  readonly hasConsumed: boolean;
  readonly actions: Action | undefined;
}

/** Runs all threads of a state up to the next character. */
class Step {
  readonly threads: number[] = [];
  readonly paths: Path[] = [];
  match: Path | undefined;
  visits = 0;
  readonly #program: Program;
  readonly #state: State;
  readonly #over: CharClass;
  readonly #isEnd: boolean;
  /** Visited pairs of a position and `hasConsumed`. Two threads with the same pair have the same future. */
  readonly #seen: Uint8Array;
  readonly #taken = new Set<number>();

  constructor(
    program: Program,
    { state, over, seen }: { readonly state: State; readonly over: CharClass; readonly seen: Uint8Array },
  ) {
    this.#program = program;
    this.#state = state;
    this.#over = over;
    this.#isEnd = over.id === END_ID;
    this.#seen = seen.fill(0);
  }

  run(): void {
    for (const [from, at] of this.#state.threads.entries()) {
      if (this.#follow(at, from)) return;
    }
    if (this.#state.isSearching) this.#follow(0, FROM_START);
  }

  /** Follows one thread through all branches. Returns true at a match, which drops all threads of lower priority. */
  #follow(start: number, from: number): boolean {
    const todo: Visit[] = [{ at: start, hasConsumed: true, actions: undefined }];
    for (let visit = todo.pop(); visit !== undefined; visit = todo.pop()) {
      const { at, hasConsumed, actions } = visit;
      const seenAt = 2 * at + (hasConsumed ? 1 : 0);
      if (this.#seen[seenAt] === 1) continue;
      this.#seen[seenAt] = 1;
      this.visits++;
      const instruction = this.#program.instructions[at]!;
      switch (instruction.op) {
        case "char":
          this.#consume(at, instruction.test, { from, actions });
          break;
        case "match":
          this.match = { from, actions };
          return true;
        case "split":
          todo.push({ at: instruction.second, hasConsumed, actions }, { at: instruction.first, hasConsumed, actions });
          break;
        case "jump":
          todo.push({ at: instruction.to, hasConsumed, actions });
          break;
        case "enter":
          todo.push({ at: at + 1, hasConsumed: false, actions });
          break;
        case "leave":
          if (hasConsumed) todo.push({ at: at + 1, hasConsumed, actions });
          break;
        case "save":
        case "clear":
          todo.push({ at: at + 1, hasConsumed, actions: after(instruction, actions) });
          break;
        case "assert":
          if (this.#holds(instruction.kind, instruction.test)) todo.push({ at: at + 1, hasConsumed, actions });
          break;
      }
    }
    return false;
  }

  #consume(at: number, test: number, path: Path): void {
    if (this.#over.passes[test] === 0 || this.#taken.has(at)) return;
    this.#taken.add(at);
    this.threads.push(at + 1);
    this.paths.push(path);
  }

  #holds(kind: Extract<Instruction, { op: "assert" }>["kind"], test: number): boolean {
    const { context } = this.#state;
    const isTextStart = (context & TEXT_START) !== 0;
    if (kind === "text-start") return isTextStart;
    if (kind === "text-end") return this.#isEnd;
    const passedBefore = (context & (TEXT_START << (this.#program.contextTests.indexOf(test) + 1))) !== 0;
    const passesAfter = this.#over.passes[test] === 1;
    if (kind === "line-start") return isTextStart || passedBefore;
    if (kind === "line-end") return this.#isEnd || passesAfter;
    return (passedBefore !== passesAfter) === (kind === "word-boundary");
  }
}

function after(
  instruction: Extract<Instruction, { op: "save" | "clear" }>,
  before: Action | undefined,
): Action {
  return instruction.op === "save"
    ? { first: instruction.slot, end: instruction.slot + 1, isSave: true, before }
    : { first: instruction.first, end: instruction.end, isSave: false, before };
}
