/** Where a backend is: `http://localhost:8081`, with a base path if need be. */

import { removeDotSegments } from "../path.ts";
import { withoutTrailingSlashes } from "../../lib/trailing_slashes.ts";
import { PLACEHOLDER_PATTERN, type ValueType } from "./value_type.ts";

/** A backend's URL in the parts that requests are made from. */
export interface BackendUrl {
  /** Scheme and authority, the scheme's own port left out. */
  readonly origin: string;
  /** The path in front of every request path; empty, or `/base`. */
  readonly basePath: string;
}

const NEED = "an http or https URL";

/**
 * The URL of a backend. It may contain what must not be shown, so messages show it only where that is out of the question.
 *
 * @returns The type.
 */
export function backendUrl(): ValueType<BackendUrl> {
  return {
    label: "URL",
    schema: {
      type: "string",
      pattern: `^[hH][tT][tT][pP][sS]?://[^/?#@\\s\\\\]+(?:/[^?#\\s\\\\]*)?$|${PLACEHOLDER_PATTERN}`,
    },
    parse(value, at) {
      if (typeof value !== "string") return at.mismatch(NEED, value);
      if (/^[^/?#]*\/\/[^/?#]*@/.test(value)) {
        return at.problem('must not contain credentials: set an Authorization field in "headers"');
      }
      if (/[?#]/.test(value)) return at.problem("must be a URL without query and fragment: found one with");
      // The parser would drop or turn these, and the user would wonder.
      // deno-lint-ignore no-control-regex
      const url = /[\x00-\x20\\\x7f]/.test(value) || !/^https?:\/\/[^/]/i.test(value) ? null : URL.parse(value);
      if (url === null || url.port === "0") {
        return /@|%40/.test(value) ? at.problem(`must be ${NEED}`) : at.mismatch(NEED, value);
      }
      const path = removeDotSegments(url.pathname);
      if (path === undefined) return at.mismatch("a URL with a well-formed path", value);
      return { origin: url.origin, basePath: withoutTrailingSlashes(path) };
    },
  };
}
