/** Which share of the requests a shadow gets a copy of, and by what a client is known again. */

import type { SampleKey } from "../config.ts";
import { isMapping } from "../read/mapping.ts";
import type { Fields, PartialOutput, SectionType } from "./section.ts";
import { literal, type ValueType } from "./value_type.ts";
import { share } from "./share.ts";

/** RFC 9110 §5.6.2, for names of fields as of cookies (RFC 6265 §4.1.1). */
const KEY = /^(?:ip|(header|cookie):([!#$%&'*+\-.^_`|~0-9A-Za-z]+))$/;

/**
 * A share alone, or a mapping that says more.
 *
 * @param mapping The fields of the mapping.
 * @returns The type; a share alone becomes the field `rate`.
 */
export function shareOr<F extends Fields>(mapping: SectionType<F>): ValueType<PartialOutput<F> | { rate: number }> {
  const alone = share();
  return {
    label: `${alone.label}; or a mapping`,
    schema: { anyOf: [alone.schema, mapping.schema] },
    parse(value, at) {
      if (isMapping(value)) return mapping.parse(value, at);
      const rate = alone.parse(value, at);
      return rate === undefined ? undefined : { rate };
    },
  };
}

/**
 * What a client is known by.
 *
 * @returns The type; names of header fields are in lower case.
 */
export function sampleKey(): ValueType<SampleKey> {
  return literal({
    label: "`header:NAME`, `cookie:NAME` or `ip`",
    schema: { type: "string", pattern: KEY.source },
    parse(value, at) {
      const [key, kind, name = ""] = (typeof value === "string" && KEY.exec(value)) || [];
      if (key === undefined) return at.mismatch('"header:NAME", "cookie:NAME" or "ip"', value);
      if (kind === "cookie") return { kind, name };
      return kind === "header" ? { kind, name: name.toLowerCase() } : { kind: "ip" };
    },
  });
}
