/** The figures of one load as a table that reads well in a terminal and in Markdown. */

import type { Figure } from "./figures.ts";
import { METRIC_NAMES, METRICS } from "./metrics.ts";
import type { LoadReport, PeerReport } from "./report.ts";

const NOTHING = "–";

/**
 * Writes a table: in each cell the median, then the smallest and the largest, then the ratio to the baseline.
 *
 * @param report The figures.
 * @returns The lines, with a heading.
 */
export function formatLoad({ load, title, peers }: LoadReport): string {
  const rows = [["peer", ...METRIC_NAMES.map((name) => METRICS[name].title)], ...peers.map(cellsOf)];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`);
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return `${load}: ${title}\n\n${lines.join("\n")}\n`;
}

function cellsOf({ peer, figures }: PeerReport): string[] {
  return [peer, ...METRIC_NAMES.map((name) => formatFigure(figures?.[name], METRICS[name].digits))];
}

function formatFigure(figure: Figure | undefined, digits: number): string {
  if (figure === undefined) return NOTHING;
  const format = (value: number) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const { median, min, max, ratio } = figure;
  const spread = min === max ? format(median) : `${format(median)} (${format(min)}–${format(max)})`;
  return ratio === undefined ? spread : `${spread} ×${ratio.toFixed(2)}`;
}
