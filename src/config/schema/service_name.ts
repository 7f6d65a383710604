/** The name of a service: it goes into a response header, into logs and into metrics. */

import { literal, type ValueType } from "./value_type.ts";
import { asText } from "./scalar.ts";

const MAX_LENGTH = 128;
const NAME = /^[!-~](?:[ -~]*[!-~])?$/;

/**
 * A name of printable ASCII characters.
 *
 * @returns The type.
 */
export function serviceName(): ValueType<string> {
  const need = `a name of 1 to ${MAX_LENGTH} printable ASCII characters, without a space at either end`;
  return literal({
    label: "text",
    schema: {
      type: ["string", "number", "boolean"],
      minLength: 1,
      maxLength: MAX_LENGTH,
      pattern: NAME.source,
    },
    parse(value, at) {
      const name = asText(value);
      return name !== undefined && name.length <= MAX_LENGTH && NAME.test(name) ? name : at.mismatch(need, value);
    },
  });
}
