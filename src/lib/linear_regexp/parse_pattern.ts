/** Parser of regular expressions of ECMAScript with the flag `u`. */

import type { CharTest } from "./char_classes.ts";

/** A condition on the characters before and after a position. */
export type Assertion =
  | { readonly kind: "text-start" | "text-end" }
  | { readonly kind: "line-start" | "line-end" | "word-boundary" | "no-word-boundary"; readonly test: CharTest };

/** A node of the tree. */
export type PatternNode =
  | { readonly type: "char"; readonly test: CharTest }
  | { readonly type: "assertion"; readonly assertion: Assertion }
  | { readonly type: "sequence" | "choice"; readonly nodes: readonly PatternNode[] }
  | { readonly type: "capture"; readonly index: number; readonly node: PatternNode }
  | RepeatNode;

/** A quantified node. */
export interface RepeatNode {
  readonly type: "repeat";
  readonly node: PatternNode;
  readonly min: number;
  /** Maximum number of iterations; may be infinite. */
  readonly max: number;
  readonly isGreedy: boolean;
  /** Capture groups inside. Each iteration clears the groups from `first` up to, but not including, `end`. */
  readonly captures: { readonly first: number; readonly end: number };
}

/** A parsed pattern. */
export interface Pattern {
  readonly root: PatternNode;
  /** Number of capture groups. */
  readonly captureCount: number;
  /** Indexes of the capture groups of each name; a name may occur in several alternatives. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

/** Thrown for a valid pattern with a construct that is not supported. */
export class UnsupportedPattern extends Error {
  /** The name of the error. */
  override readonly name = "UnsupportedPattern";
  /** The construct, for example `a backreference`. */
  readonly construct: string;

  /** Creates the error for a construct. */
  constructor(construct: string) {
    super(`Cannot compile the pattern: it uses ${construct}`);
    this.construct = construct;
  }
}

const EMPTY: PatternNode = { type: "sequence", nodes: [] };
/**
 * A character class, an escape of one character (two `\u` escapes of a surrogate pair are one), or any other character.
 */
const ATOM =
  /\[(?:[^\]\\]|\\.)*\]|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\(?:u\{[^}]*\}|u....|x..|c.|[pP]\{[^}]*\}|.)|./suy;
const GROUP = /\((?:\?(?:<([^=!>][^>]*)>|([ims]*)(?:-([ims]*))?:))?/uy;
const QUANTIFIER = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})(\??)/y;

/** Flags that a modifier like `(?i:…)` changes. */
type Flags = ReadonlySet<string>;

/**
 * Parses a regular expression.
 *
 * @throws {SyntaxError} If the pattern is not valid with the flag `u`.
 * @throws {UnsupportedPattern} If it has a backreference, a lookahead or a lookbehind.
 */
export function parsePattern(source: string): Pattern {
  // The native engine checks the syntax, so the parser below may assume that it is valid. The expression is never
  // executed.
  new RegExp(source, "u");
  return new PatternReader(source).read();
}

class PatternReader {
  readonly #source: string;
  readonly #names = new Map<string, number[]>();
  #at = 0;
  #captureCount = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): Pattern {
    const root = this.#readChoice(new Set());
    return { root, captureCount: this.#captureCount, names: this.#names };
  }

  #readChoice(flags: Flags): PatternNode {
    const nodes = [this.#readSequence(flags)];
    while (this.#take("|")) nodes.push(this.#readSequence(flags));
    return nodes.length === 1 ? nodes[0]! : { type: "choice", nodes };
  }

  #readSequence(flags: Flags): PatternNode {
    const nodes: PatternNode[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      nodes.push(this.#readTerm(flags));
    }
    return nodes.length === 1 ? nodes[0]! : { type: "sequence", nodes };
  }

  #readTerm(flags: Flags): PatternNode {
    const first = this.#captureCount + 1;
    const node = this.#readAtom(flags);
    const found = this.#match(QUANTIFIER);
    if (found === undefined) return node;
    const [, sign, from = "", comma, to = "", lazy] = found;
    const min = sign === undefined ? Number(from) : sign === "+" ? 1 : 0;
    const max = sign === "?" ? 1 : sign !== undefined ? Infinity : comma === undefined ? min : Number(to || Infinity);
    if (max === 0) return EMPTY;
    const captures = { first, end: this.#captureCount + 1 };
    return { type: "repeat", node, min, max, isGreedy: lazy === "", captures };
  }

  #readAtom(flags: Flags): PatternNode {
    const character = this.#source[this.#at]!;
    if (character === "(") return this.#readGroup(flags);
    if (character === "^" || character === "$") {
      this.#at++;
      return { type: "assertion", assertion: boundaryOf(character, flags) };
    }
    const [source] = this.#match(ATOM)!;
    if (/^\\[1-9k]/.test(source)) throw new UnsupportedPattern("a backreference");
    if (source === "\\b" || source === "\\B") {
      const kind = source === "\\b" ? "word-boundary" : "no-word-boundary";
      return { type: "assertion", assertion: { kind, test: testOf("\\w", flags) } };
    }
    return { type: "char", test: testOf(source, flags) };
  }

  #readGroup(flags: Flags): PatternNode {
    if (/^\(\?<?[=!]/.test(this.#source.slice(this.#at, this.#at + 4))) {
      throw new UnsupportedPattern(this.#source[this.#at + 2] === "<" ? "a lookbehind" : "a lookahead");
    }
    const [opening, name, added = "", removed = ""] = this.#match(GROUP)!;
    const index = opening === "(" || name !== undefined ? ++this.#captureCount : undefined;
    if (name !== undefined) {
      // The name may contain escapes.
      const key = nameOf(name);
      this.#names.set(key, [...this.#names.get(key) ?? [], index!]);
    }
    const node = this.#readChoice(new Set([...flags, ...added].filter((flag) => !removed.includes(flag))));
    this.#at++;
    return index === undefined ? node : { type: "capture", index, node };
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }
}

function boundaryOf(character: "^" | "$", flags: Flags): Assertion {
  if (!flags.has("m")) return { kind: character === "^" ? "text-start" : "text-end" };
  return { kind: character === "^" ? "line-start" : "line-end", test: testOf("[\\n\\r\\u2028\\u2029]", flags) };
}

function testOf(source: string, flags: Flags): CharTest {
  return { source, flags: `u${flags.has("i") ? "i" : ""}${source === "." && flags.has("s") ? "s" : ""}` };
}

/** Returns the name of a group. The native engine decodes escapes in it. */
function nameOf(name: string): string {
  const { groups = {} } = new RegExp(`(?<${name}>)`, "u").exec("")!;
  return Object.keys(groups)[0]!;
}
