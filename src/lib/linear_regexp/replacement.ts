/** Replacement templates of `String.prototype.replace()` (ECMA-262, GetSubstitution). */

import type { Match } from "./match.ts";
import type { StepBudget } from "../step_budget.ts";

/** A literal text, or a reference to a part of the original text. */
type Part =
  | string
  | { readonly kind: "match" | "before" | "after" }
  | { readonly kind: "group"; readonly indexes: readonly number[] };

/** The capture groups of a pattern. */
export interface TemplateGroups {
  readonly captureCount: number;
  /** Indexes of the groups of each name. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

const REFERENCE = /\$(?:([$&`'])|(\d\d?)|(<))/g;

const SIGNS: Readonly<Record<string, Part>> = {
  $: "$",
  "&": { kind: "match" },
  "`": { kind: "before" },
  "'": { kind: "after" },
};

/** A replacement with references like `$1`, `$&` or `$<name>`. */
export class Replacement {
  readonly #parts: readonly Part[];

  /** Reads a template. References to groups that do not exist stay as written. */
  constructor(template: string, groups: TemplateGroups) {
    this.#parts = readTemplate(template, groups);
  }

  /**
   * Returns the replacement of one match.
   *
   * @throws {StepsExceeded} If it is longer than the budget allows.
   */
  expand(text: string, match: Match, budget: StepBudget): string {
    let output = "";
    for (const part of this.#parts) {
      const piece = typeof part === "string" ? part : expandPart(part, text, match);
      budget.take(4 + piece.length);
      output += piece;
    }
    return output;
  }
}

function readTemplate(template: string, groups: TemplateGroups): Part[] {
  const parts: Part[] = [];
  const lastClosing = template.lastIndexOf(">");
  let end = 0;
  for (const { 0: reference, 1: sign, 2: digits, index } of template.matchAll(REFERENCE)) {
    // A name may contain `$`.
    if (index < end) continue;
    let next = index + reference.length;
    let part: Part | undefined;
    if (sign !== undefined) {
      part = SIGNS[sign]!;
    } else if (digits !== undefined) {
      const group = groupOf(digits, groups);
      if (group === undefined) continue;
      part = { kind: "group", indexes: [group] };
      next = index + 1 + String(group).length + (digits.startsWith("0") ? 1 : 0);
    } else {
      if (groups.names.size === 0 || lastClosing < next) continue;
      const closing = template.indexOf(">", next);
      part = { kind: "group", indexes: groups.names.get(template.slice(next, closing)) ?? [] };
      next = closing + 1;
    }
    parts.push(template.slice(end, index), part);
    end = next;
  }
  parts.push(template.slice(end));
  return parts.filter((part) => part !== "");
}

/** Returns the group of a reference. `$12` is group 1 before the digit 2 if there is no group 12. */
function groupOf(digits: string, { captureCount }: TemplateGroups): number | undefined {
  return [digits, digits[0]!].map(Number).find((group) => group >= 1 && group <= captureCount);
}

function expandPart(part: Exclude<Part, string>, text: string, { start, end, groups }: Match): string {
  switch (part.kind) {
    case "match":
      return text.slice(start, end);
    case "before":
      return text.slice(0, start);
    case "after":
      return text.slice(end);
    case "group": {
      const range = part.indexes.map((index) => groups[index]).find((found) => found !== undefined);
      return range === undefined ? "" : text.slice(range.start, range.end);
    }
  }
}
