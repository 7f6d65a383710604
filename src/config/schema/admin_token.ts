/** What the admin listener asks for. */

import type { ValueType } from "./value_type.ts";
import { orPlaceholder } from "./value_type.ts";

/** A shorter token could be guessed. */
export const MIN_TOKEN_LENGTH = 16;
const MAX_TOKEN_LENGTH = 512;
/** RFC 6750 §2.1, which all header fields and URLs can carry. */
const TOKEN = new RegExp(`^[A-Za-z0-9._~+/=-]{${MIN_TOKEN_LENGTH},${MAX_TOKEN_LENGTH}}$`);

/**
 * A token. It is never shown: what is malformed may be a secret all the same.
 *
 * @returns The type.
 */
export function adminToken(): ValueType<string> {
  return {
    label: "text",
    schema: { type: "string", pattern: orPlaceholder(TOKEN.source) },
    parse(value, at) {
      if (typeof value === "string" && TOKEN.test(value)) return value;
      return at.problem(
        `must be a token: ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} letters, digits and -._~+/= in quotes`,
      );
    },
  };
}
