/** Lists: of one kind of value, where a single value may stand without brackets. */

import type { InputPath } from "../read/input_path.ts";
import { parseValue, type ValueType } from "./value_type.ts";

/** How a list is read. */
export interface ListOptions {
  /** How many items it needs at least. Default: 0. */
  readonly min?: number;
  /** What an item is called in messages. */
  readonly item: string;
}

/**
 * A list; a single value counts as a list of one.
 *
 * @param type What each item must be.
 * @param options How few items will do.
 * @returns The type.
 */
export function listOf<T>(type: ValueType<T>, { min = 0, item }: ListOptions): ValueType<readonly T[]> {
  return {
    label: `${type.label}, or a list`,
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
 * Checks each item of a list.
 *
 * @param type What each item must be.
 * @param items The items.
 * @param at The place of the list.
 * @returns The checked items, `undefined` in place of those that do not fit.
 */
export function parseItems<T>(type: ValueType<T>, items: readonly unknown[], at: InputPath): (T | undefined)[] {
  return Array.from(items, (item, index) => parseValue(type, item, at.child(index)));
}
