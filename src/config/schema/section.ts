/**
 * Sections: mappings with known fields. Each field is declared once; types, schema and documentation follow from it.
 */

import type { Embedding, InputPath } from "../read/input_path.ts";
import { isPrintableKey, suggest } from "./describe.ts";
import { EXTENSION_KEY, isExtensionKey, isMapping, type JsonSchema, parseValue, type ValueType } from "./value_type.ts";

/** Declaration of one field. */
export interface Field<T> {
  readonly type: ValueType<T>;
  /** Purpose and consequence, in a sentence or two. */
  readonly description: string;
  /** Further sentences for the reference, the schema and the types; `--help` omits them. */
  readonly details?: string;
  /** Value if the field is absent, as written in a configuration. */
  readonly default?: unknown;
  /** Default in words, if there is no written value for it, or if that is long. */
  readonly defaultText?: string;
  /** Checked value if the field is absent, if it has no written value. */
  readonly fallback?: unknown;
  readonly required?: true;
  /** Key of a switch in the same section that must be true if this field is present. */
  readonly requires?: string;
  /** Key of a switch in the same section that must be false if this field is present, or true. */
  readonly excludes?: string;
  /** The switch in `excludes` refuses `false` too, because it is not the same as absence. */
  readonly isRefusedWhenFalse?: true;
  /** Key in the checked configuration, where it has a unit. Default: the same key. */
  readonly as?: string;
  /** Put a service's list in front of the top level's instead of replacing it. */
  readonly isCumulative?: true;
  /** Reason why the field has no effect. Only files of go-conductor have such fields. */
  readonly ignored?: string;
  /** Alternative in a program that embeds the handler, because only conductor's own server applies the field. */
  readonly serverOnly?: string;
  /** The alternative applies to `serve()` too, because only the command line applies the field. */
  readonly commandOnly?: true;
  /** True if `createConductor()` applies the field too. */
  readonly isForConductor?: true;
}

/** Fields by their key. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** Checked values of fields. */
export type Values<F extends Fields> = {
  readonly [K in keyof F as KeyOf<F, K>]: F[K]["type"] extends ValueType<infer T>
    ? F[K] extends { readonly default: unknown } | { readonly required: true } ? T
    : F[K] extends { readonly fallback: infer V } ? T | V
    : T | undefined
    : never;
};

type KeyOf<F extends Fields, K extends keyof F> = F[K] extends { readonly ignored: string } ? never
  : F[K] extends { readonly as: infer N extends string } ? N
  : K;

/** Checked values of a section. */
export type Output<S> = S extends SectionType<infer F> ? Values<F> : never;

/** A value with problems: each part that has one is missing. */
export type Partly<T> = T extends string | number | boolean | undefined ? T
  : T extends readonly string[] ? T
  : T extends readonly (infer I)[] ? readonly (Partly<I> | undefined)[]
  : { readonly [K in keyof T]: Partly<T[K]> | undefined };

/** A mapping with known fields. Its values have every key, so all values of a section share one shape. */
export interface SectionType<F extends Fields> extends ValueType<Values<F>> {
  readonly description: string;
  readonly fields: F;
  /** True for a section that documents nothing new: it overrides fields of another one. */
  readonly isOverride: boolean;
}

/** Declaration of a section. */
export interface SectionOptions<F extends Fields> {
  /** Name of its interface in the public input types. */
  readonly name: string;
  readonly description: string;
  /** The fields, in the order of the reference. */
  readonly fields: F;
  /**
   * Accept keys that begin with `x-` without a meaning, for anchors of YAML.
   *
   * @default {false}
   */
  readonly hasExtensions?: boolean;
}

/**
 * Returns the type of a mapping. If there are problems, values lack the fields that have one, so that checks across
 * fields can still run on the rest: see {@linkcode Partly}.
 */
export function section<const F extends Fields>(
  { name, description, fields, hasExtensions = false }: SectionOptions<F>,
): SectionType<F> {
  const keys = Object.keys(fields);
  const required = keys.filter((key) => fields[key]!.required);
  const defaults = new Map<string, unknown>();

  function parseAbsent(key: string, at: InputPath): unknown {
    const field = fields[key]!;
    if (field.required) return at.child(key).problem("is required");
    if (field.default === undefined) return field.fallback;
    if (!defaults.has(key)) defaults.set(key, field.type.parse(field.default, at.child(key)));
    return defaults.get(key);
  }

  return {
    label: "mapping",
    input: name,
    description,
    fields,
    isOverride: false,
    schema: {
      type: "object",
      properties: Object.fromEntries(keys.map((key) => [key, fieldSchema(fields[key]!)])),
      ...(required.length === 0 ? {} : { required }),
      ...(hasExtensions && { patternProperties: { [EXTENSION_KEY.source]: true } }),
      additionalProperties: false,
    },
    parse(value, at) {
      if (!isMapping(value)) return at.wrongKind("a mapping", value);
      for (const [index, key] of Object.keys(value).entries()) {
        if (Object.hasOwn(fields, key) || (hasExtensions && isExtensionKey(key))) continue;
        const hint = isPrintableKey(key) ? suggest(key, keys) : `, entry ${index + 1} of the mapping`;
        at.child(key).problem(`unknown key${hint}`);
      }
      const checked: Record<string, unknown> = {};
      for (const key of keys) {
        const field = fields[key]!;
        const written = Object.hasOwn(value, key) ? value[key] : undefined;
        const isAbsent = written === undefined || written === null;
        if (written === null && !field.required) at.child(key).warn("has no value, so it counts as absent");
        const isMisplaced = !isAbsent && !isApplied(field, at.embedding);
        if (isMisplaced) {
          at.child(key).problem(`is not supported by ${FUNCTIONS[at.embedding!]}: ${field.serverOnly}`);
        }
        const found = isAbsent || isMisplaced ? parseAbsent(key, at) : parseField(field, written, at.child(key));
        if (field.ignored === undefined) checked[field.as ?? key] = found;
        if (!isAbsent && field.requires !== undefined && checked[field.requires] === false) {
          at.child(key).problem(`requires \`${field.requires}: true\``);
        }
      }
      return checked as Values<F>;
    },
  };
}

const FUNCTIONS: Readonly<Record<Embedding, string>> = {
  handler: "conductor()",
  conductor: "createConductor()",
  server: "serve()",
};

/** Reports whether a function of the library applies a field. */
function isApplied(field: Field<unknown>, embedding: Embedding | undefined): boolean {
  if (field.serverOnly === undefined || embedding === undefined) return true;
  if (embedding === "conductor") return field.isForConductor === true;
  return embedding === "server" && field.commandOnly !== true;
}

/** Fields that override those of another section: absent ones keep its values. */
export type OverrideFields<F extends Fields> = {
  readonly [K in keyof F]:
    & Pick<F[K], "type" | "description">
    & (F[K] extends { readonly as: infer N extends string } ? { readonly as: N } : unknown);
};

/** Returns the type of a mapping that overrides fields of another section. */
export function overrides<const F extends Fields>(options: SectionOptions<F>): SectionType<OverrideFields<F>> {
  const entries = Object.entries(options.fields).map(([key, field]) => {
    const { default: _default, fallback: _fallback, ...rest } = field;
    const defaultText = field.isCumulative ? "those of the top level, which always come last" : "the top level's";
    return [key, { ...rest, defaultText }];
  });
  return { ...section({ ...options, fields: Object.fromEntries(entries) }), isOverride: true };
}

/** Returns the sentences about a field that follow its description, for the reference, the schema and the types. */
export function detailsOf({ details, serverOnly, commandOnly }: Field<unknown>): string | undefined {
  const unsupported = commandOnly ? "`conductor()` and `serve()`" : "`conductor()`";
  const limit = serverOnly && `Not supported by ${unsupported}: ${serverOnly}.`;
  return [details, limit].filter(Boolean).join(" ") || undefined;
}

/** Returns the section that a type consists of or contains, if any. */
export function sectionIn(type: ValueType<unknown>): SectionType<Fields> | undefined {
  for (let inner: ValueType<unknown> | undefined = type; inner !== undefined; inner = inner.inner) {
    if ("fields" in inner) return inner as SectionType<Fields>;
  }
  return undefined;
}

/** Returns the keys that fields have in the checked configuration. */
export function checkedKeys<F extends Fields>(fields: F): readonly (keyof Values<F>)[] {
  return Object.entries(fields)
    .filter(([, { ignored }]) => ignored === undefined)
    .map(([key, field]) => (field.as ?? key) as keyof Values<F>);
}

/** Returns a copy with some keys only. */
export function pick<T extends object, K extends keyof T>(values: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, values[key]])) as Pick<T, K>;
}

/** Returns a copy without some keys. */
export function omit<T extends object, K extends keyof T>(values: T, keys: ReadonlySet<K>): Omit<T, K> {
  const omitted: ReadonlySet<unknown> = keys;
  return Object.fromEntries(Object.entries(values).filter(([key]) => !omitted.has(key))) as Omit<T, K>;
}

function parseField(field: Field<unknown>, value: unknown, at: InputPath): unknown {
  const checked = parseValue(field.type, value, at);
  // A switch that is off loses nothing by being ignored.
  if (field.ignored !== undefined && checked !== undefined && checked !== false) {
    at.warn(`has no effect: ${field.ignored}`);
  }
  return checked;
}

function fieldSchema(field: Field<unknown>): JsonSchema {
  const { type, description, defaultText } = field;
  return {
    description: [
      description,
      detailsOf(field),
      field.default === undefined && defaultText && `Default: ${defaultText}.`,
    ]
      .filter(Boolean).join(" "),
    ...type.schema,
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.ignored === undefined ? {} : { deprecated: true }),
  };
}
