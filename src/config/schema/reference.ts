/** The configuration's fields as Markdown reference, as text for `--help`, and as JSON Schema. */

import { CONFIG } from "../fields.ts";
import { detailsOf, type Field, type Fields, sectionIn, type SectionType } from "./section.ts";
import type { JsonSchema } from "./value_type.ts";

export type { JsonSchema };

const UNITS =
  "Times are in seconds, or have a unit: `50ms`, `2s`, `30m`, `1h`. Sizes are in bytes, or have a unit: `64KiB`, `10MiB`, `1GB`.\n" +
  "A list of one value may be written without brackets. In a file, values may contain the placeholders\n" +
  "`${file:/run/secrets/token}`, `${env:NAME}` and `${env:NAME:-default}`; `$${` stands for a literal `${`.\n" +
  "The default applies if the variable is not set or empty.\n" +
  "Placeholders are not allowed in names, paths to match, methods, patterns, and other texts that are printed in logs,\n" +
  "metrics or reports.\n" +
  "Keys of the top level that begin with `x-` have no meaning: YAML anchors can be declared there.";

/** Returns the Markdown reference, with a table for each section. */
export function configReference(): string {
  const tables = listSections().map(({ path, fields }) => {
    return `### ${path === "" ? "Top level" : `\`${path}\``}\n\n${toTable(fields)}`;
  });
  return [UNITS, ...tables].join("\n\n") + "\n";
}

/** Returns the path of each field with its description and default, for `--help`. */
export function fieldSummaries(): (readonly [name: string, summary: string])[] {
  return listSections().flatMap(({ path, fields }) =>
    Object.entries(fields)
      .filter(([, field]) => field.ignored === undefined)
      .map(([key, field]) => {
        const summary = `${field.description.replaceAll("`", "")} ${defaultSentence(field)}`.trimEnd();
        return [path === "" ? key : `${path}.${key}`, summary] as const;
      })
  );
}

/**
 * Returns the JSON Schema (draft 2020-12) of configuration files, for completion and checks in editors.
 *
 * The schema applies before placeholders are resolved, so text with `${env:…}` or `${file:…}` is valid for every
 * scalar. Only the validator checks rules across fields, such as unique names.
 */
export function configSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "conductor configuration",
    description: CONFIG.description,
    ...CONFIG.schema,
  };
}

/** Returns a Markdown table, aligned as `deno fmt` aligns it. The first row holds the headings. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)));
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** A section and its place in a configuration file. */
interface PlacedSection {
  /** `services[].tls`; empty for the top level. */
  readonly path: string;
  readonly fields: Fields;
}

/** Returns the sections of the reference in the order of their declaration, each before the sections inside it. */
function listSections(): readonly PlacedSection[] {
  const found: PlacedSection[] = [];
  const visit = (section: SectionType<Fields>, path: string): void => {
    found.push({ path, fields: section.fields });
    for (const [key, { type }] of Object.entries(section.fields)) {
      const inner = sectionIn(type);
      if (inner === undefined || inner.isOverride) continue;
      visit(inner, `${path === "" ? "" : `${path}.`}${key}${type.isList ? "[]" : ""}`);
    }
  };
  visit(CONFIG, "");
  return found;
}

function toTable(fields: Fields): string {
  const rows = Object.entries(fields).map(([key, field]) => {
    const note = field.ignored === undefined ? undefined : `Has no effect: ${field.ignored}.`;
    const list = field.defaultText !== undefined && field.default !== undefined
      ? `The default in full: ${writtenDefault(field)}.`
      : undefined;
    const text = [field.description, detailsOf(field), list, note].filter((part) => part !== undefined).join(" ");
    return [`\`${key}\``, field.type.label, defaultCell(field), text];
  });
  return markdownTable([["Field", "Value", "Default", "Description"], ...rows]);
}

function defaultCell(field: Field<unknown>): string {
  if (field.required) return "required";
  return field.defaultText ?? (field.default === undefined ? "" : writtenDefault(field));
}

function writtenDefault(field: Field<unknown>): string {
  return `\`${typeof field.default === "string" ? field.default : JSON.stringify(field.default)}\``;
}

function defaultSentence(field: Field<unknown>): string {
  if (field.required) return "Required.";
  const isList = Array.isArray(field.default) && field.defaultText === undefined;
  const value = isList ? (field.default as unknown[]).join(", ") : defaultCell(field).replaceAll("`", "");
  return ["", "{}", "[]"].includes(value) ? "" : `Default: ${value}.`;
}
