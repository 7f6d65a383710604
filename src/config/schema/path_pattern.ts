/** The paths that a service answers for. */

import { normalizePath, removeDotSegments } from "../path.ts";
import { withoutTrailingSlashes } from "../../lib/trailing_slashes.ts";
import { literal, type ValueType } from "./value_type.ts";

/** How a pattern's path is read. */
export interface PathPatternOptions {
  /** Whether a trailing slash makes another path. */
  readonly exact: boolean;
}

/**
 * A path to match, brought into the form that request paths are compared in.
 *
 * @param options How it is read.
 * @returns The type.
 */
export function pathPattern({ exact }: PathPatternOptions): ValueType<string> {
  return literal({
    label: "path",
    schema: { type: "string", pattern: "^/[^?#\\s\\\\]*$" },
    parse(value, at) {
      if (typeof value !== "string" || !value.startsWith("/")) return at.mismatch('a path that begins with "/"', value);
      if (/[?#]/.test(value)) return at.mismatch("a path without query and fragment", value);
      const path = removeDotSegments(value);
      if (path === undefined) {
        return at.mismatch("a path without spaces, backslashes, broken percent-encoding or hidden dot segments", value);
      }
      if (/\*/.test(path)) at.warn('"*" is taken literally: a prefix matches everything below it as it is');
      const normalized = normalizePath(path);
      return exact ? normalized : withoutTrailingSlashes(normalized) || "/";
    },
  });
}
