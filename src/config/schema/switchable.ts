/** What is switched on as it is, or with settings of one's own. */

import { isMapping } from "../read/mapping.ts";
import type { Fields, PartialOutput, SectionType } from "./section.ts";
import type { ValueType } from "./value_type.ts";
import { boolean } from "./scalar.ts";

/**
 * A mapping, or `true` for all its defaults; `false` counts as absent.
 *
 * @param settings The type of the mapping; none of its fields is required.
 * @returns The type.
 */
export function boolOr<F extends Fields>(settings: SectionType<F>): ValueType<PartialOutput<F>> {
  const onOrOff = boolean();
  return {
    label: "true, or mapping",
    schema: { anyOf: [onOrOff.schema, settings.schema] },
    parse(value, at) {
      if (isMapping(value)) return settings.parse(value, at);
      if (typeof value !== "boolean" && typeof value !== "string") {
        return at.mismatch("true, false or a mapping", value);
      }
      return onOrOff.parse(value, at) ? settings.parse({}, at) : undefined;
    },
  };
}

/**
 * A mapping, or `true` for one without fields, or `false`.
 *
 * @param settings The type of the mapping; none of its fields is required.
 * @returns The type; absence and `false` are not the same.
 */
export function overridable<F extends Fields>(settings: SectionType<F>): ValueType<PartialOutput<F> | false> {
  const onOrOff = boolean();
  return {
    label: "true, false, or mapping",
    schema: { anyOf: [onOrOff.schema, settings.schema] },
    parse(value, at) {
      if (isMapping(value)) return settings.parse(value, at);
      if (typeof value !== "boolean" && typeof value !== "string") {
        return at.mismatch("true, false or a mapping", value);
      }
      const isOn = onOrOff.parse(value, at);
      return isOn ? settings.parse({}, at) : isOn;
    },
  };
}
