/** The fields of the configuration as people read them: a Markdown reference, and a short list for a terminal. */

import {
  ADMIN_FIELDS,
  BREAKER_FIELDS,
  COMPARE_FIELDS,
  CONFIG_FIELDS,
  HEALTH_FIELDS,
  HEDGE_FIELDS,
  LIMITS_FIELDS,
  LOGGING_FIELDS,
  METRICS_FIELDS,
  NORMALISE_FIELDS,
  RAMP_FIELDS,
  SAMPLE_FIELDS,
  SERVICE_FIELDS,
  SERVICE_TLS_FIELDS,
  TLS_FIELDS,
  TOLERANCE_FIELDS,
} from "../fields.ts";
import type { Field, Fields } from "./section.ts";

const SECTIONS: readonly (readonly [title: string, fields: Fields])[] = [
  ["Top level", CONFIG_FIELDS],
  ["`services[]`", SERVICE_FIELDS],
  ["`services[].tls`", SERVICE_TLS_FIELDS],
  ["`services[].breaker`", BREAKER_FIELDS],
  ["`services[].health`", HEALTH_FIELDS],
  ["`services[].hedge`", HEDGE_FIELDS],
  ["`services[].sample`", SAMPLE_FIELDS],
  ["`services[].ramp`", RAMP_FIELDS],
  ["`tls`", TLS_FIELDS],
  ["`limits`", LIMITS_FIELDS],
  ["`compare`", COMPARE_FIELDS],
  ["`compare.normalise[]`", NORMALISE_FIELDS],
  ["`compare.tolerance[]`", TOLERANCE_FIELDS],
  ["`logging`", LOGGING_FIELDS],
  ["`admin`", ADMIN_FIELDS],
  ["`metrics`", METRICS_FIELDS],
];

const UNITS =
  "Times are seconds, or carry a unit: `50ms`, `2s`, `30m`, `1h`. Sizes are bytes, or carry a unit: `64KiB`, `10MiB`, `1GB`.\n" +
  "A list of one value may be written without brackets. In a file, values may contain the placeholders\n" +
  "`${file:/run/secrets/token}` and `${env:NAME}`; `$${` stands for a literal `${`. Names, paths to match, methods, patterns\n" +
  "and other texts that logs, metrics and reports print must not contain placeholders.";

/**
 * Writes the reference of all fields.
 *
 * @returns Markdown, with a table for each part of the configuration.
 */
export function configReference(): string {
  return [UNITS, ...SECTIONS.map(([title, fields]) => `### ${title}\n\n${toTable(fields)}`)].join("\n\n") + "\n";
}

/**
 * Lists the fields in short.
 *
 * @returns Pairs of a field's name and its description with the default.
 */
export function fieldSummaries(): (readonly [name: string, summary: string])[] {
  return SECTIONS.flatMap(([title, fields]) => {
    const prefix = title === "Top level" ? "" : `${title.replaceAll("`", "")}.`;
    return Object.entries(fields)
      .filter(([, field]) => field.ignored === undefined)
      .map(([key, field]) =>
        [prefix + key, `${field.description.replaceAll("`", "")} ${absenceOf(field)}`.trimEnd()] as const
      );
  });
}

function toTable(fields: Fields): string {
  const rows = Object.entries(fields).map(([key, field]) => {
    const note = field.ignored === undefined ? "" : ` Has no effect: ${field.ignored}.`;
    return [`\`${key}\``, field.type.label, defaultOf(field), field.description + note];
  });
  return markdownTable([["Field", "Value", "Default", "What it does"], ...rows]);
}

/**
 * Writes a table, aligned as `deno fmt` aligns it.
 *
 * @param rows Its cells as Markdown, beginning with the headings.
 * @returns Markdown, without a line end behind it.
 */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)));
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function defaultOf(field: Field<unknown>): string {
  if (field.required) return "required";
  if (field.default === undefined) return field.absence ?? "";
  return `\`${typeof field.default === "string" ? field.default : JSON.stringify(field.default)}\``;
}

function absenceOf(field: Field<unknown>): string {
  if (field.required) return "Required.";
  const value = defaultOf(field).replaceAll("`", "");
  return ["", "{}", "[]"].includes(value) ? "" : `Default: ${value}.`;
}
