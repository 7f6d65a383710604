/** The syntax tree of a regular expression. */

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
