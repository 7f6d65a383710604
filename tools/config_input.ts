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
  const interfaces = listSections(CONFIG).map((section) => {
    const fields = Object.entries(section.fields).map(([key, field]) => {
      const alias = aliasIn(field.type);
      if (alias !== undefined) aliases.set(alias.name, alias);
      return `${comment(fieldDoc(field), "  ")}\n  readonly ${key}${field.required ? "" : "?"}: ${field.type.input};`;
    });
    return `${comment([section.description])}\nexport interface ${section.input} {\n${fields.join("\n")}\n}`;
  });
  const types = [...aliases.values()].map(({ name, type, description }) => {
    const declaration = `export type ${name} = ${type};`;
    const lines = declaration.length > MAX_LINE_LENGTH ? declaration.replaceAll(/ = | \| /g, breakBefore) : declaration;
    return `${comment([description])}\n${lines}`;
  });
  return [HEADER, ...interfaces, ...types].join("\n\n") + "\n";
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
