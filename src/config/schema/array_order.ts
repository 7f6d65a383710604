/** Whether the order of an array's elements counts: everywhere, nowhere, or not in some arrays. */

import type { BodyPath } from "../body_path.ts";
import { literal, type ValueType } from "./value_type.ts";
import { bodyPath } from "./body_path.ts";
import { listOf } from "./list.ts";

/**
 * `ordered`, `unordered`, or the JSON paths of the arrays whose order does not count.
 *
 * @returns The type; its values are `"all"`, or the paths of the arrays whose order does not count.
 */
export function arrayOrder(): ValueType<"all" | readonly BodyPath[]> {
  const paths = listOf(bodyPath({ jsonOnly: true }), { item: "path" });
  return literal({
    label: "`ordered`, `unordered`, or JSON paths of arrays",
    schema: { anyOf: [{ enum: ["ordered", "unordered"] }, paths.schema] },
    parse(value, at) {
      if (value === "ordered") return [];
      if (value === "unordered") return "all";
      const isPath = Array.isArray(value) || (typeof value === "string" && value.startsWith("$"));
      return isPath ? paths.parse(value, at) : at.mismatch('"ordered", "unordered" or JSON paths', value);
    },
  });
}
