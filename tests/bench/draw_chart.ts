/** Bar chart of the CPU time per request for README.md and the benchmark page, for light and dark backgrounds. */

import type { Figure } from "./figures.ts";
import type { LoadReport, Report } from "./report.ts";

/** Loads of the chart, if they have been measured. */
export const CHARTED_LOADS: readonly string[] = ["get-64", "64k"];

interface Bar {
  readonly peer: string;
  readonly cpu: Figure;
}

const WIDTH = 720;
const MARGIN = 16;
const BARS_X = 110;
const BARS_WIDTH = 520;
const ROW = 28;
const BAR_HEIGHT = 16;
const HEADING = 34;
const TITLE = "CPU seconds per 10,000 requests, less is better";
const OURS = "conductor";

const STYLE = `
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 } .note { font-size: 12px; fill: #59636e }
  .bar { fill: #8c959f } .ours { fill: #0969da } .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .note { fill: #9198a1 }
    .bar { fill: #656c76 } .ours { fill: #4493f8 } .spread { stroke: #f0f6fc }
  }
`;

/**
 * Draws the chart as an SVG document. Names of peers and loads must not need XML escapes. Throws an error if no load of
 * {@linkcode CHARTED_LOADS} has been measured with CPU time.
 */
export function drawChart(report: Report): string {
  const groups = CHARTED_LOADS.map((name) => report.loads.find(({ load }) => load === name))
    .filter((load) => load !== undefined)
    .map((load) => ({ title: load.title, bars: barsOf(load) }))
    .filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) {
    throw new Error(
      `Cannot draw a chart: the CPU time of one of these loads must be known: ${CHARTED_LOADS.join(", ")}`,
    );
  }
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ cpu }) => cpu.max)));
  const parts: string[] = [];
  let y = MARGIN + 14;
  parts.push(text(MARGIN, y, TITLE, "title"));
  for (const { title, bars } of groups) {
    y += HEADING;
    parts.push(text(MARGIN, y, title));
    for (const bar of bars) parts.push(...drawBar(bar, y += ROW, BARS_WIDTH / most));
  }
  y += HEADING;
  parts.push(text(MARGIN, y, noteOn(report), "note"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + MARGIN}" width="${WIDTH}" \
role="img" aria-labelledby="title desc">
<title id="title">${TITLE}</title>
<desc id="desc">${groups.map(describe).join(". ")}. ${noteOn(report)}.</desc>
<style>${STYLE}</style>
${parts.join("\n")}
</svg>
`;
}

function barsOf({ peers }: LoadReport): Bar[] {
  return peers.flatMap(({ peer, figures }) =>
    figures?.cpuSecondsPer10k ? [{ peer, cpu: figures.cpuSecondsPer10k }] : []
  )
    .toSorted((a, b) => a.cpu.median - b.cpu.median);
}

/** A bar for the median, and a thin line from the smallest to the largest. */
function drawBar({ peer, cpu }: Bar, y: number, scale: number): string[] {
  const at = (value: number) => (BARS_X + value * scale).toFixed(1);
  const middle = y - 5;
  return [
    text(MARGIN, y, peer),
    `<rect class="bar${peer === OURS ? " ours" : ""}" x="${BARS_X}" y="${middle - BAR_HEIGHT / 2}" ` +
    `width="${(cpu.median * scale).toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
    `<path class="spread" d="M${at(cpu.min)} ${middle}H${at(cpu.max)}"/>`,
    text(Number(at(cpu.max)) + 8, y, cpu.median.toFixed(2)),
  ];
}

function text(x: number, y: number, content: string, name?: string): string {
  return `<text${name === undefined ? "" : ` class="${name}"`} x="${x}" y="${y}">${content}</text>`;
}

function describe({ title, bars }: { title: string; bars: readonly Bar[] }): string {
  return `${title}: ${bars.map(({ peer, cpu }) => `${peer} ${cpu.median.toFixed(2)}`).join(", ")}`;
}

function noteOn({ machine, generator, slices, seconds, date }: Report): string {
  const { cores, deno } = machine;
  return `Medians, lines from min to max; ${slices} slices of ${seconds} s by ${generator}, ${cores} cores for all, ` +
    `Deno ${deno}, ${date.slice(0, 10)}`;
}
