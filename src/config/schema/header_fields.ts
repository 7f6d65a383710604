/** Header fields that are set or dropped (RFC 9110 §5). */

import type { HeaderLine } from "../config.ts";
import { isPrintableKey, quote } from "./describe.ts";
import { isMapping } from "../read/mapping.ts";
import type { InputPath } from "../read/input_path.ts";
import { literal, orPlaceholder, parseValue, type ValueType } from "./value_type.ts";
import { asText } from "./scalar.ts";

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible US-ASCII with spaces and tabs between: for other characters there is no agreed encoding (RFC 9110 §5.5). */
const VALUE = /^(?:[!-~](?:[ -~\t]*[!-~])?)?$/;
/** Framing and the connection belong to each hop (RFC 9110 §7.6.1): set by hand, they open the way to smuggling. */
const OWN_NAMES = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "host",
];
const OWN_NAMES_PATTERN = `^(?:${OWN_NAMES.map(anyCase).join("|")})$`;

/**
 * A mapping of header names to values.
 *
 * @returns The type; its values are header lines in the order of the file.
 */
export function headerLines(): ValueType<readonly HeaderLine[]> {
  return {
    label: "mapping of names to values",
    schema: {
      type: "object",
      propertyNames: { pattern: TOKEN.source, not: { pattern: OWN_NAMES_PATTERN } },
      additionalProperties: { type: ["string", "number", "boolean"], pattern: orPlaceholder(VALUE.source) },
    },
    parse(value, at) {
      if (!isMapping(value)) return at.wrongKind("a mapping of names to values", value);
      const lines: HeaderLine[] = [];
      const seen = new Map<string, string>();
      for (const [name, content] of Object.entries(value)) {
        const place = at.child(name);
        const lower = name.toLowerCase();
        const twin = seen.get(lower);
        seen.set(lower, name);
        if (twin !== undefined) {
          place.problem(`must be given once: ${isPrintableKey(twin) ? quote(twin) : "another key"} is the same field`);
        }
        const text = parseValue(VALUE_TYPE, content, place);
        if (checkName(name, place) && text !== undefined) lines.push([name, text]);
      }
      return lines;
    },
  };
}

/**
 * The name of a header field.
 *
 * @returns The type; its values are in lower case.
 */
export function headerName(): ValueType<string> {
  return literal({
    label: "header name",
    schema: { type: "string", pattern: TOKEN.source },
    parse(value, at) {
      if (typeof value !== "string" || !TOKEN.test(value)) return at.mismatch("a header name", value);
      return value.toLowerCase();
    },
  });
}

/** Header values are never shown: what is malformed may be a secret all the same. */
const VALUE_TYPE: ValueType<string> = {
  label: "text",
  schema: {},
  parse(value, at) {
    const text = asText(value);
    if (text === undefined) {
      return at.mismatch('text ("" for an empty value)', typeof value === "number" ? "an unusual number" : value);
    }
    if (VALUE.test(text)) return text;
    return at.problem(`must be a header value: found ${faultOf(text)}`);
  },
};

function faultOf(text: string): string {
  if (/[\r\n]/.test(text)) return "a line break";
  if (/^[ \t]|[ \t]$/.test(text)) return "a space at the beginning or end";
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f\x7f]/.test(text) ? "a control character" : "a character outside US-ASCII";
}

function checkName(name: string, at: InputPath): boolean {
  if (!TOKEN.test(name)) {
    at.problem("must be a header name: letters, digits and !#$%&'*+-.^_`|~ only");
    return false;
  }
  const lower = name.toLowerCase();
  if (!OWN_NAMES.includes(lower)) return true;
  at.problem(
    lower === "host" ? 'cannot be set here: use the field "host"' : "cannot be set: it belongs to the connection",
  );
  return false;
}

/** JSON Schema has no flag for it. */
function anyCase(word: string): string {
  return word.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}
