/** Types made from other types: lists, and mappings that a scalar can replace. */

import type { InputPath } from "../read/input_path.ts";
import { ratio } from "./quantity.ts";
import { boolean } from "./scalar.ts";
import { isMapping, parseValue, type ValueType } from "./value_type.ts";

/** Options of {@linkcode listOf}. */
export interface ListOptions {
  /** Minimum number of items. Default: 0. */
  readonly min?: number;
  /** Name of an item in messages. */
  readonly item: string;
}

/** Returns the type of lists. A single value counts as a list of one. */
export function listOf<T>(type: ValueType<T>, { min = 0, item }: ListOptions): ValueType<readonly T[]> {
  return {
    label: `${type.label}, or a list`,
    input: `${type.input} | readonly ${type.input.includes(" ") ? `(${type.input})` : type.input}[]`,
    ...(type.notation !== undefined && { notation: type.notation }),
    inner: type,
    isList: true,
    schema: { anyOf: [type.schema, { type: "array", items: type.schema, minItems: min }] },
    parse(value, at) {
      if (!Array.isArray(value)) {
        const single = parseValue(type, value, at);
        return single === undefined ? undefined : [single];
      }
      if (value.length < min) return at.problem(`must have at least one ${item}: found an empty list`);
      return parseItems(type, value, at).filter((found) => found !== undefined);
    },
  };
}

/**
 * Returns the type of the list of services. Keeps the index of an item with problems, for the paths of later checks.
 */
export function serviceList<T>(service: ValueType<T>): ValueType<readonly T[]> {
  return {
    label: "list of mappings",
    input: `readonly ${service.input}[]`,
    inner: service,
    isList: true,
    schema: { type: "array", items: service.schema, minItems: 1 },
    parse(value, at) {
      if (!Array.isArray(value)) return at.wrongKind("a list of services", value);
      if (value.length === 0) return at.problem("must have at least one service: found none");
      return parseItems(service, value, at) as readonly T[];
    },
  };
}

/** Returns the type of a mapping, or `true` for all its defaults. `false` counts as absent. */
export function boolOr<T>(mapping: ValueType<T>): ValueType<T> {
  const type = switchOr(mapping);
  return {
    ...type,
    label: "true, or mapping",
    parse: (value, at) => type.parse(value, at) || undefined,
  };
}

/** Returns the type of a mapping, or `true` for an empty one, or `false`, which is not the same as absence. */
export function switchOr<T>(mapping: ValueType<T>): ValueType<T | false> {
  const onOrOff = boolean();
  return {
    label: "true, false, or mapping",
    input: `boolean | ${mapping.input}`,
    inner: mapping,
    schema: { anyOf: [onOrOff.schema, mapping.schema] },
    parse(value, at) {
      if (isMapping(value)) return mapping.parse(value, at);
      if (typeof value !== "boolean" && typeof value !== "string") {
        return at.mismatch("true, false or a mapping", value);
      }
      const isOn = onOrOff.parse(value, at);
      return isOn ? mapping.parse({}, at) : isOn;
    },
  };
}

/** Returns the type of a ratio, or a mapping with more fields. A ratio alone becomes the field `rate`. */
export function ratioOr<T>(mapping: ValueType<T>): ValueType<T | { readonly rate: number }> {
  const alone = ratio();
  return {
    label: `${alone.label}; or a mapping`,
    input: `${alone.input} | ${mapping.input}`,
    inner: mapping,
    schema: { anyOf: [alone.schema, mapping.schema] },
    parse(value, at) {
      if (isMapping(value)) return mapping.parse(value, at);
      const rate = alone.parse(value, at);
      return rate === undefined ? undefined : { rate };
    },
  };
}

/** Parses the items of a list, with `undefined` for items with problems. */
function parseItems<T>(type: ValueType<T>, items: readonly unknown[], at: InputPath): (T | undefined)[] {
  return Array.from(items, (item, index) => parseValue(type, item, at.child(index)));
}
