/** Paths into an answer: what a rule of the comparison is about. */

import { type BodyPath, parseBodyPath } from "../body_path.ts";
import { quote } from "./describe.ts";
import { literal, type ValueType } from "./value_type.ts";

/**
 * A path into an answer.
 *
 * @param options Whether only a JSON path will do.
 * @returns The type.
 */
export function bodyPath({ jsonOnly = false }: { readonly jsonOnly?: boolean } = {}): ValueType<BodyPath> {
  const start = jsonOnly ? "^\\$" : "^(?:\\$|status$|outcome$|body$|header:|form:)";
  return literal({
    label: jsonOnly ? "JSON path" : "JSON path, `header:NAME`, `form:NAME`, `status`, `outcome` or `body`",
    schema: { type: "string", pattern: start },
    parse(value, at) {
      if (typeof value !== "string") return at.mismatch('a path like "$.items[*].id"', value);
      const path = parseBodyPath(value);
      if (!("fault" in path)) {
        return jsonOnly && path.kind !== "json" ? at.mismatch('a path that begins with "$"', value) : path;
      }
      return at.problem(`must be a path like "$.items[*].id": found ${quote(value)}, expected ${path.fault}`);
    },
  });
}
