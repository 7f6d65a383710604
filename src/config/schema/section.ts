/** A mapping with known keys: each field checked, unknown keys reported with the nearest known one. */

import { isPrintableKey } from "./describe.ts";
import { isMapping } from "../read/mapping.ts";
import type { InputPath } from "../read/input_path.ts";
import { suggest } from "./suggest.ts";
import { type JsonSchema, parseValue, type ValueType } from "./value_type.ts";

/** One field of the configuration. */
export interface Field<T> {
  /** What its value may be. */
  readonly type: ValueType<T>;
  /** What it does, in one sentence. */
  readonly description: string;
  /** The value where it is absent, as it would be written. */
  readonly default?: unknown;
  /** What absence means, where there is no plain default. */
  readonly absence?: string;
  /** Whether it must be there. */
  readonly required?: true;
  /** Why it has no effect; it is accepted for the sake of go-conductor's files. */
  readonly ignored?: string;
}

/** Fields by their key. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of all fields, after every one was found right. */
export type Output<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends { readonly type: ValueType<infer T> }
    ? F[K] extends { readonly default: unknown } | { readonly required: true } ? T : T | undefined
    : never;
};

/** The values of those fields that were found right. */
export type PartialOutput<F extends Fields> = Partial<Output<F>>;

/** A mapping with known keys. */
export interface SectionType<F extends Fields> extends ValueType<PartialOutput<F>> {
  /** The fields by key. */
  readonly fields: F;
}

/**
 * Makes the type of a mapping from its fields.
 *
 * @param fields The fields, in the order of the reference.
 * @returns The type; its values hold the fields that were right, so that checks across fields can go on.
 */
export function section<F extends Fields>(fields: F): SectionType<F> {
  const keys = Object.keys(fields);
  const required = keys.filter((key) => fields[key]!.required);
  const defaults = new Map<string, unknown>();

  function parseAbsent(key: string, at: InputPath): unknown {
    const field = fields[key]!;
    if (field.required) return at.child(key).problem("is required");
    if (field.default === undefined) return undefined;
    if (!defaults.has(key)) defaults.set(key, field.type.parse(field.default, at.child(key)));
    return defaults.get(key);
  }

  return {
    label: "mapping",
    fields,
    schema: {
      type: "object",
      properties: Object.fromEntries(keys.map((key) => [key, fieldSchema(fields[key]!)])),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
    },
    parse(value, at) {
      if (!isMapping(value)) return at.wrongKind("a mapping", value);
      for (const [index, key] of Object.keys(value).entries()) {
        if (Object.hasOwn(fields, key)) continue;
        const hint = isPrintableKey(key) ? suggest(key, keys) : `, entry ${index + 1} of the mapping`;
        at.child(key).problem(`unknown key${hint}`);
      }
      const checked: Record<string, unknown> = {};
      for (const key of keys) {
        const written = Object.hasOwn(value, key) ? value[key] : undefined;
        const found = written === undefined || written === null
          ? parseAbsent(key, at)
          : parseField(fields[key]!, written, at.child(key));
        if (found !== undefined) checked[key] = found;
      }
      return checked as PartialOutput<F>;
    },
  };
}

function parseField(field: Field<unknown>, value: unknown, at: InputPath): unknown {
  const checked = parseValue(field.type, value, at);
  // What is switched off in go-conductor's file is missed by nobody.
  if (field.ignored !== undefined && checked !== undefined && checked !== false) {
    at.warn(`has no effect: ${field.ignored}`);
  }
  return checked;
}

function fieldSchema(field: Field<unknown>): JsonSchema {
  const { type, description } = field;
  return {
    description,
    ...type.schema,
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.ignored === undefined ? {} : { deprecated: true }),
  };
}
