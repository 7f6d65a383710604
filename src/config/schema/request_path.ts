/** The path of a request that conductor itself makes. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

/** Visible ASCII without "#": what may stand in a request line as it is. */
const PATH = /^\/[!"$-~]*$/;

/**
 * A path with or without a query, sent as it is written.
 *
 * @returns The type.
 */
export function requestPath(): ValueType<string> {
  return {
    label: "path",
    schema: { type: "string", pattern: orPlaceholder(PATH.source) },
    parse(value, at) {
      if (typeof value === "string" && PATH.test(value)) return value;
      return at.mismatch('a path that begins with "/", without spaces and "#", in ASCII', value);
    },
  };
}
