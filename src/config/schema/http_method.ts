/** Request methods (RFC 9110 §9). */

import { literal, type ValueType } from "./value_type.ts";

const METHOD = /^[A-Za-z][A-Za-z-]*$/;

/**
 * A request method. Methods tell capitals from small letters, and none that is in use has small ones.
 *
 * @returns The type; its values are in capitals.
 */
export function httpMethod(): ValueType<string> {
  return literal({
    label: "method",
    schema: { type: "string", pattern: METHOD.source },
    parse(value, at) {
      if (typeof value !== "string" || !METHOD.test(value)) return at.mismatch("a method, like GET or POST", value);
      return value.toUpperCase();
    },
  });
}
