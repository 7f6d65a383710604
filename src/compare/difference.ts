/** One way in which two answers differ. */

/** What is different there: `type` where both are there as values of different JSON types. */
export type DifferenceKind = "added" | "removed" | "changed" | "type";

/** A place where two answers to the same request differ. */
export interface Difference {
  /**
   * Where: `status`, `outcome` (one of the two has no response), `header:NAME` in lower case, a JSON path such as
   * `$.items[*].price` (indexes of arrays are `[*]`; a key that is no plain name is `["a b"]`), `form:NAME`, or `body`.
   */
  readonly path: string;
  /** What is different. */
  readonly kind: DifferenceKind;
  /** The primary's value as short text; absent where it has none. */
  readonly expected?: string;
  /** The other's value as short text; absent where it has none. */
  readonly actual?: string;
}
