/** Tables of the benchmark page: medians of all programs, and ratios to the baseline. */

import { CHARTED_LOADS } from "./draw_chart.ts";
import { type Figure, type Metric, METRIC_NAMES, METRICS } from "./figures.ts";
import type { LoadReport, PeerReport, Report } from "./report.ts";

const CPU = "cpuSecondsPer10k";
const NOTHING = "–";

/** Returns the Markdown of a run for the benchmark page. Its tables are not padded. */
export function peerTables(report: Report): string {
  const { loads, baseline, machine, generator, slices, seconds, date } = report;
  const charted = loads.filter(({ load }) => CHARTED_LOADS.includes(load));
  const measured =
    `Medians of ${slices} slices of ${seconds} s on ${machine.cores} cores that programs, backends and ` +
    `\`${generator}\` share; Deno ${machine.deno}, ${date.slice(0, 10)}.`;
  return [
    ...charted.map((load) => `${load.title}:\n\n${peersTable(load, baseline)}`),
    `CPU seconds per 10,000 requests, and the ratio to ${baseline}:\n\n${cpuTable(loads)}`,
    `CPU time of conductor, as a multiple of that of each other program in the same round:\n\n${multiplesTable(loads)}`,
    `${latencies(loads)}\n${measured}`.trim(),
  ].join("\n\n");
}

function peersTable({ peers }: LoadReport, baseline: string): string {
  const heading = ["peer", ...METRIC_NAMES.map((name) => METRICS[name].title), `CPU of ${baseline}`];
  const rows = peers.filter(({ figures }) => figures?.[CPU] !== undefined).map(({ peer, figures }) => [
    peer,
    ...METRIC_NAMES.map((name) => medianOf(figures?.[name], name)),
    figures?.[CPU]?.ratio?.toFixed(2) ?? NOTHING,
  ]);
  return table(heading, rows);
}

function cpuTable(loads: readonly LoadReport[]): string {
  const measured = loads.flatMap(({ peers }) => peers.filter(({ figures }) => figures?.[CPU] !== undefined));
  const peers = [...new Set(measured.map(({ peer }) => peer))];
  const rows = loads.map(({ load, title, peers: reports }) => [
    title,
    `\`${load}\``,
    ...peers.map((name) => {
      const figure = reports.find(({ peer }) => peer === name)?.figures?.[CPU];
      const ratio = figure?.ratio === undefined ? "" : ` (×${figure.ratio.toFixed(2)})`;
      return `${medianOf(figure, CPU)}${ratio}`;
    }),
  ]);
  return table(["load", "`--load`", ...peers], rows);
}

function multiplesTable(loads: readonly LoadReport[]): string {
  const others = [...new Set(loads.flatMap(({ peers }) => peers.filter(isOther).map(({ peer }) => peer)))];
  const rows = loads.map(({ load, title, peers }) => [
    title,
    `\`${load}\``,
    ...others.map((name) => peers.find(({ peer }) => peer === name)?.cpuOfConductor?.toFixed(2) ?? NOTHING),
  ]);
  return table(["load", "`--load`", ...others], rows);
}

function isOther({ peer, cpuOfConductor }: PeerReport): boolean {
  return cpuOfConductor !== undefined && peer !== "conductor";
}

/** Over one connection, no request waits for another one. */
function latencies(loads: readonly LoadReport[]): string {
  const peers = loads.find(({ load }) => load === "get-1")?.peers ?? [];
  const times = peers.flatMap(({ peer, figures }) =>
    figures?.p50Ms === undefined ? [] : [`${medianOf(figures.p50Ms, "p50Ms")} ms (${peer})`]
  );
  return times.length === 0 ? "" : `Median latency over one connection: ${times.join(", ")}.`;
}

function medianOf(figure: Figure | undefined, metric: Metric): string {
  const { digits } = METRICS[metric];
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return figure === undefined ? NOTHING : figure.median.toLocaleString("en", format);
}

/** Formats a Markdown table, which is not padded. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heading, heading.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
