/** Endpoints: paths in which some segments vary. */

import { literal, type ValueType } from "./value_type.ts";

const SEGMENT = "(?:\\{[A-Za-z_][\\w-]*\\}|[^/{}?#\\s]*)";
const TEMPLATE = new RegExp(`^(?:/${SEGMENT})+$`);

/**
 * A path with its variable segments in braces: `/users/{id}`.
 *
 * @returns The type.
 */
export function endpointTemplate(): ValueType<string> {
  return literal({
    label: "path, with variable segments as `{name}`",
    schema: { type: "string", pattern: TEMPLATE.source },
    parse(value, at) {
      if (typeof value === "string" && TEMPLATE.test(value)) return value;
      return at.mismatch('a path that begins with "/", with variable segments like "{id}"', value);
    },
  });
}
