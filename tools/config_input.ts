/**
 * Prints the public input types, generated from the declarations of the configuration's fields. With `--write`, updates
 * `src/config/input.ts` instead.
 *
 * ```sh
 * deno run --allow-read --allow-write tools/config_input.ts --write
 * ```
 */

import { CONFIG } from "../src/config/fields.ts";
import { detailsOf, type Field, type Fields, sectionIn, type SectionType } from "../src/config/schema/section.ts";
import type { TypeAlias, ValueType } from "../src/config/schema/value_type.ts";
import { wrapText } from "../src/lib/text_format.ts";

/** The generated file, from the root of the project. */
export const INPUT_FILE = "src/config/input.ts";

const HEADER = `/**
 * The configuration as written: in TypeScript for the library, and in the same shape in a YAML or JSON file.
 *
 * Generated from the declarations in \`fields.ts\` by \`deno task docs\`. Do not edit.
 *
 * @module
 */`;

const MAX_LINE_LENGTH = 120;

/** Returns the text of the generated file. */
export function inputTypes(): string {
  const aliases = new Map<string, TypeAlias>();
  const interfaces = listSections(CONFIG).flatMap((section) => {
    const fields = Object.entries(section.fields).map(([key, field]): DeclaredField => {
      const alias = aliasIn(field.type);
      if (alias !== undefined) aliases.set(alias.name, alias);
      return [key, field, `${comment(fieldDoc(field), "  ")}\n  readonly ${key}`];
    });
    const isSwitch = fields.some(([, { requires, excludes }]) => requires !== undefined || excludes !== undefined);
    return isSwitch ? unionOf(section, fields) : [declaration(section.input, section.description, fields.map(line))];
  });
  const types = [...aliases.values()].map(({ name, type, description }) => {
    const declaration = `export type ${name} = ${type};`;
    const lines = declaration.length > MAX_LINE_LENGTH ? declaration.replaceAll(/ = | \| /g, breakBefore) : declaration;
    return `${comment([description])}\n${lines}`;
  });
  return [HEADER, ...interfaces, ...types].join("\n\n") + "\n";
}

/** Key of a field, the field, and the beginning of its declaration. */
type DeclaredField = readonly [key: string, field: Field<unknown>, start: string];

function line([, { required, type }, start]: DeclaredField): string {
  return `${start}${required ? "" : "?"}: ${type.input};`;
}

function declaration(name: string, description: string, lines: readonly string[], base = ""): string {
  return `${comment([description])}\nexport interface ${name} ${base}{\n${lines.join("\n")}\n}`;
}

/**
 * Returns the types of a section with a switch: one for each of its values, so that TypeScript refuses fields that the
 * switch excludes. The type for true allows any boolean: TypeScript infers `boolean` for a `true` in a variable.
 */
function unionOf({ input, description }: SectionType<Fields>, fields: readonly DeclaredField[]): string[] {
  const name = input.replace(/Input$/, "");
  const depends = ({ requires, excludes }: Field<unknown>) => requires ?? excludes;
  const key = fields.map(([, field]) => depends(field)).find((key) => key !== undefined)!;
  const common = fields.filter(([own, field]) => own !== key && depends(field) === undefined);
  const [switchStart = ""] = fields.filter(([own]) => own === key).map(([, , start]) => start);
  const rest = fields.filter(([, field]) => depends(field) !== undefined);
  const never = ([own, { type }]: DeclaredField) =>
    `  /** Not for shadows. */\n  readonly ${own}?: ${/^boolean\b/.test(type.input) ? "false" : "never"};`;
  const without = [
    `${switchStart}?: false;`,
    ...rest.map((field) =>
      field[1].excludes === undefined ? `  /** Only for shadows. */\n  readonly ${field[0]}?: never;` : line(field)
    ),
  ];
  const withSwitch = [
    `${switchStart}: boolean;`,
    ...rest.map((field) => field[1].excludes === undefined ? line(field) : never(field)),
  ];
  const [base, off, on] = [`Common${input}`, `Non${capital(key)}${input}`, `${capital(key)}${input}`];
  return [
    declaration(base, `Fields of all entries of \`${name.toLowerCase()}s\`.`, common.map(line)),
    declaration(off, `${description} It is not a ${key}.`, without, `extends ${base} `),
    declaration(on, `${description} It is a ${key}.`, withSwitch, `extends ${base} `),
    `${comment([description])}\nexport type ${input} = ${off} | ${on};`,
  ];
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** Breaks a union like `deno fmt`: each member on its own line. */
function breakBefore(separator: string): string {
  return separator === " = " ? " =\n  | " : "\n  | ";
}

/** Returns all sections by name, each before the sections inside it. */
function listSections(root: SectionType<Fields>): readonly SectionType<Fields>[] {
  const found = new Map<string, SectionType<Fields>>();
  const visit = (section: SectionType<Fields>): void => {
    if (found.has(section.input)) return;
    found.set(section.input, section);
    for (const { type } of Object.values(section.fields)) {
      const inner = sectionIn(type);
      if (inner !== undefined) visit(inner);
    }
  };
  visit(root);
  return [...found.values()];
}

function aliasIn(type: ValueType<unknown>): TypeAlias | undefined {
  return type.alias ?? (type.inner && aliasIn(type.inner));
}

/** Returns the paragraphs of a field's documentation. */
function fieldDoc(field: Field<unknown>): string[] {
  const { type, description, defaultText, ignored } = field;
  const sentences = [
    description,
    type.notation,
    detailsOf(field),
    field.default === undefined && defaultText ? `Default: ${defaultText}.` : undefined,
    ignored && `Has no effect: ${ignored}.`,
  ];
  const text = sentences.filter((sentence) => sentence !== undefined).join(" ");
  return field.default === undefined ? [text] : [text, `@default ${JSON.stringify(field.default)}`];
}

/** Returns a doc comment, on one line if it fits. */
function comment(paragraphs: readonly string[], indent = ""): string {
  const [first = "", ...rest] = paragraphs;
  const line = `${indent}/** ${first} */`;
  if (rest.length === 0 && line.length <= MAX_LINE_LENGTH) return line;
  const lines = paragraphs.flatMap((text, index) => {
    const wrapped = wrapText(text, MAX_LINE_LENGTH - indent.length - 3);
    return index === 0 ? wrapped : ["", ...wrapped];
  });
  return [`${indent}/**`, ...lines.map((text) => `${indent} * ${text}`.trimEnd()), `${indent} */`].join("\n");
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(new URL(`../${INPUT_FILE}`, import.meta.url), inputTypes());
  } else await Deno.stdout.write(new TextEncoder().encode(inputTypes()));
}
