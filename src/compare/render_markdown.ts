/** The report for a comment on a pull request. */

import { formatDuration } from "../lib/duration.ts";
import { printable } from "../lib/printable.ts";
import { percent } from "../lib/percent.ts";
import { VERDICT_WORDS } from "./render_text.ts";
import type { Report } from "./report.ts";

const MAX_FIELDS = 20;
const MAX_VALUE_LENGTH = 60;

/**
 * Writes a report as Markdown of GitHub's kind. Backends can put neither markup nor mentions into it.
 *
 * @param report The report.
 * @returns The text, the last line with its line end.
 */
export function renderMarkdown(report: Report): string {
  const { verdict, compared, notComparable, matchRate, services, mismatches, undecided, noise } = report;
  const lines = [
    `### ${VERDICT_WORDS[verdict]}: ${compared} comparisons, ${percent(matchRate)} alike`,
    "",
    "| service | route | verdict | compared | alike | errors (primary) | p50 (primary) | p99 (primary) |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...services.map((service) =>
      row([
        code(service.service),
        code(service.route),
        VERDICT_WORDS[service.verdict],
        String(service.compared),
        percent(service.matchRate.value),
        `${percent(service.errorRate.service)} (${percent(service.errorRate.primary)})`,
        `${formatDuration(service.latencyMs.service.p50)} (${formatDuration(service.latencyMs.primary.p50)})`,
        `${formatDuration(service.latencyMs.service.p99)} (${formatDuration(service.latencyMs.primary.p99)})`,
      ])
    ),
    "",
    ...services.flatMap(({ service, reasons }) => reasons.map((reason) => `- ${code(service)}: ${reason}`)),
  ];
  if (mismatches.length > 0) {
    lines.push(
      "",
      "| differs | noise | service | endpoint | field | expected | got |",
      "| ---: | ---: | --- | --- | --- | --- | --- |",
      ...mismatches.slice(0, MAX_FIELDS).map(({ rate, noiseRate, service, endpoint, path, samples: [sample] }) =>
        row([
          percent(rate),
          percent(noiseRate),
          code(service),
          code(endpoint),
          code(path),
          value(sample?.expected),
          value(sample?.actual),
        ])
      ),
    );
  }
  const further = mismatches.length - MAX_FIELDS;
  const notes = [
    ...(further > 0 ? [`${further} more fields differ`] : []),
    ...(notComparable > 0 ? [`${notComparable} responses were not comparable`] : []),
    ...(undecided.length > 0 ? [`${undecided.length} fields differ, and may do so by themselves`] : []),
    ...(noise.length > 0 ? [`${noise.length} fields are noise`] : []),
  ];
  if (notes.length > 0) lines.push("", `${notes.join("; ")}.`);
  return `${lines.join("\n")}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function value(text: string | undefined): string {
  if (text === undefined) return "";
  return code(text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text);
}

/** A code span: nothing in it is markup, but a run of backticks as long as its fence, and `|`, which ends a cell. */
function code(text: string): string {
  const harmless = printable(text).replaceAll("|", "\\|");
  const longest = Math.max(0, ...(harmless.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const padding = /^[` ]|[` ]$|^$/.test(harmless) ? " " : "";
  return `${fence}${padding}${harmless}${padding}${fence}`;
}
