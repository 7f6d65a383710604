/** The list of services: at least one, each a mapping. */

import type { ValueType } from "./value_type.ts";
import { parseItems } from "./list.ts";

/** A list that keeps the place of an item with problems, so that later checks name the right one. */
export interface ServiceListType<T> extends ValueType<readonly (T | undefined)[]> {
  /** What each service must be. */
  readonly item: ValueType<T>;
}

/**
 * Makes the type of the list from that of one service.
 *
 * @param item What each service must be.
 * @returns The type.
 */
export function serviceList<I extends ValueType<unknown>>(
  item: I,
): I extends ValueType<infer T> ? ServiceListType<T> & { readonly item: I } : never;
export function serviceList(item: ValueType<unknown>): ServiceListType<unknown> {
  return {
    label: "list of mappings",
    item,
    schema: { type: "array", items: item.schema, minItems: 1 },
    parse(value, at) {
      if (!Array.isArray(value)) return at.wrongKind("a list of services", value);
      return value.length === 0
        ? at.problem("must have at least one service: found none")
        : parseItems(item, value, at);
    },
  };
}
