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
 * Returns the types of a section with switches that exclude each other: one for each switch that is true, and one for
 * none. TypeScript thus refuses two switches at once, and fields that a switch excludes or requires.
 *
 * A switch may be any boolean if all other fields fit both of its values: TypeScript infers `boolean` in variables.
 */
function unionOf({ input, description }: SectionType<Fields>, fields: readonly DeclaredField[]): string[] {
  const named = new Set(fields.flatMap(([, { requires, excludes }]) => [requires ?? [], excludes ?? []].flat()));
  const switches = fields.map(([key]) => key).filter((key) => named.has(key));
  const depends = ([key, { requires, excludes }]: DeclaredField) =>
    named.has(key) || requires !== undefined || excludes !== undefined;
  const variable = fields.filter(depends);
  const variant = (names: readonly string[], key: string | undefined, isOpen: boolean) => ({
    name: names.map(capital).join("Or") + input,
    doc: `${description} Its role is ${names.join(" or ")}.`,
    lines: variable.map((field) =>
      named.has(field[0]) ? switchLine(field, key, isOpen) : lineIf(field, key, isOpen ? undefined : key)
    ),
  });
  const variants = [
    ...switches.flatMap((key) =>
      fields.some(([, { requires }]) => requires === key)
        ? [variant([key], key, false), variant([key, NO_SWITCH], key, true)]
        : [variant([key], key, true)]
    ),
    variant([NO_SWITCH], undefined, false),
  ];
  const base = `Common${input}`;
  const list = `${input.replace(/Input$/, "").toLowerCase()}s`;
  return [
    declaration(base, `Fields of all entries of \`${list}\`.`, fields.filter((field) => !depends(field)).map(line)),
    ...variants.map(({ name, doc, lines }) => declaration(name, doc, lines, `extends ${base} `)),
    `${comment([description])}\nexport type ${input} =${variants.map(({ name }) => `\n  | ${name}`).join("")};`,
  ];
}

/** Role of a service without any switch. */
const NO_SWITCH = "secondary";

function switchLine([key, , start]: DeclaredField, own: string | undefined, isOpen: boolean): string {
  return key === own ? `${start}: ${isOpen ? "boolean" : "true"};` : `${start}?: false;`;
}

/**
 * Returns the declaration of a field. It allows no value if the field requires a switch other than `on`, which is true,
 * or excludes `own`, which may be true.
 */
function lineIf(field: DeclaredField, own: string | undefined, on: string | undefined): string {
  const [key, { requires, excludes, isRefusedWhenFalse, type }] = field;
  if (requires !== undefined && requires !== on) {
    return `  /** Only with \`${requires}: true\`. */\n  readonly ${key}?: never;`;
  }
  if (excludes === undefined || excludes !== own) return line(field);
  const absent = isRefusedWhenFalse || !/\bboolean\b/.test(type.input) ? "never" : "false";
  return `  /** Not with \`${excludes}: true\`. */\n  readonly ${key}?: ${absent};`;
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
