/** Report of a benchmark run, and its form for the terminal. */

import { type Figure, type Figures, METRIC_NAMES, METRICS } from "./figures.ts";

/** One peer under one load. */
export interface PeerReport {
  readonly peer: string;
  /** Missing if the peer does not support the load. */
  readonly figures?: Figures;
  /** CPU time of conductor divided by that of the peer, the median over the rounds; missing if not measured. */
  readonly cpuOfConductor?: number;
}

/** All peers under one load. */
export interface LoadReport {
  readonly load: string;
  /** Description for readers. */
  readonly title: string;
  readonly peers: readonly PeerReport[];
}

/** A run, as written by `--json`. */
export interface Report {
  /** Start, as RFC 3339 in UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** Name of the load generator. */
  readonly generator: string;
  /** Slices per peer and load. */
  readonly slices: number;
  /** Length of a slice. */
  readonly seconds: number;
  /** Peer that the ratios refer to. */
  readonly baseline: string;
  readonly loads: readonly LoadReport[];
}

/** The machine and its software, without which figures are meaningless. */
export interface Machine {
  /** Available cores. Peers, backends and generator share them. */
  readonly cores: number;
  /** Operating system and architecture. */
  readonly system: string;
  /** Version of Deno. */
  readonly deno: string;
}

/** Describes this machine. */
export function describeMachine(): Machine {
  const { os, arch } = Deno.build;
  return { cores: navigator.hardwareConcurrency, system: `${os} ${arch}`, deno: Deno.version.deno };
}

const NOTHING = "–";

/**
 * Formats a table that is readable in a terminal and in Markdown. Each cell has the median, the range, and the ratio to
 * the baseline.
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
