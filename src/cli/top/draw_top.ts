/** Table of the routes and services of a server, for a terminal. */

import type { StateView } from "../../admin/api.ts";
import { formatDuration } from "../../lib/text_format.ts";
import type { Brush, Paint } from "../../lib/paint.ts";
import { printable } from "../../lib/printable.ts";
import type { Percentiles } from "../../lib/latency_counts.ts";
import type { FailedCheck, ServiceStateSnapshot } from "../../observe/metrics_snapshot.ts";
import { roleBrushes } from "../route_table.ts";
import { type RouteCounts, routeRates, secondsBetween, type ServiceCounts, serviceRates } from "./rates.ts";

/** Options of {@linkcode drawTop}. */
export interface DrawTopOptions {
  /** Maximum characters per line. */
  readonly columns: number;
  /** Maximum number of lines. */
  readonly rows: number;
  /** Colors of the output. */
  readonly paint: Paint;
}

interface Cell {
  readonly text: string;
  readonly brush?: Brush | undefined;
  /** Length to pad or cut the text to. A negative width aligns the text to the right. */
  readonly width?: number;
}

/** Lines about one subject. */
interface Block {
  readonly lines: readonly Cell[][];
  /** {@linkcode FAILING}, {@linkcode DEGRADED} or {@linkcode HEALTHY}. */
  readonly rank: number;
}

/** A route with its services. */
interface RouteGroup {
  readonly head: Block;
  readonly services: readonly Block[];
}

const FAILING = 0;
const DEGRADED = 1;
const HEALTHY = 2;
const EMPTY: Block = { lines: [], rank: HEALTHY };

/** Age of a failure above which it says nothing about the rates that are shown, in milliseconds. */
const MAX_FAILURE_AGE_MS = 10_000;
const NAME_WIDTH = 15;
const ROLE_WIDTH = 9;
/** Widths of the columns from `req/s` to `now`. */
const WIDTHS = { rate: -6, ratio: -5, duration: -7, inFlight: -5 };
const SPARKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/** Narrower terminals get truncated lines. */
const MIN_COLUMNS = 20;
/** Success ratios below which the color changes. */
const WARN_BELOW = 0.99;
const BAD_BELOW = 0.9;
const UNKNOWN = "–";

/**
 * Draws the table. Rates are those between the last two views, and curves show the earlier rates. Percentiles cover the
 * last 10 to 20 seconds. The last line counts the lines that do not fit.
 */
export function drawTop(views: readonly StateView[], { columns, rows, paint }: DrawTopOptions): readonly string[] {
  const current = views.at(-1);
  if (current === undefined) return [];
  const width = Math.max(MIN_COLUMNS, columns);
  const groups: RouteGroup[] = [];
  for (const { route, members } of current.routes) {
    const snapshot = current.metrics.routes.find((candidate) => candidate.route === route);
    const services = members.flatMap(({ service }) => {
      const counts = current.metrics.services.find((row) => row.route === route && row.service === service);
      const state = current.metrics.states.find((state) => state.service === service);
      return counts === undefined ? [] : [serviceBlock(counts, state, views, paint)];
    });
    groups.push({ head: snapshot === undefined ? EMPTY : routeBlock(snapshot, views, paint), services });
  }
  const lines = [headline(current, paint), columnTitles(paint), ...groups.flatMap(linesOf)];
  // Otherwise in the order of the configuration, so that lines do not move.
  if (lines.length > rows) lines.splice(2, Infinity, ...inOrderOfTrouble(groups).flatMap(linesOf));
  const unmatched = current.metrics.routes.find(({ route }) => route === "");
  if (unmatched !== undefined && countResponses(unmatched) > 0) {
    lines.push(...routeBlock(unmatched, views, paint).lines);
  }
  const drawn = lines.length <= rows ? lines : [
    ...lines.slice(0, Math.max(0, rows - 1)),
    [{ text: `… and ${lines.length - Math.max(0, rows - 1)} more lines`, brush: paint.faint }],
  ];
  return drawn.map((cells) => join(cells, width));
}

function linesOf({ head, services }: RouteGroup): readonly Cell[][] {
  return [head, ...services].flatMap(({ lines }) => lines);
}

function inOrderOfTrouble(groups: readonly RouteGroup[]): RouteGroup[] {
  const byRank = (a: Block, b: Block) => a.rank - b.rank;
  const rankOf = ({ head, services }: RouteGroup) => Math.min(head.rank, ...services.map(({ rank }) => rank));
  return groups
    .map(({ head, services }) => ({ head, services: services.toSorted(byRank) }))
    .sort((a, b) => rankOf(a) - rankOf(b));
}

function headline({ version, timeMs, draining, workers, process, metrics }: StateView, paint: Paint): Cell[] {
  const details = [`up ${formatAge(timeMs - metrics.startedMs)}`];
  if (workers.count > 1) details.push(`${workers.count} workers`);
  if (process.residentBytes !== undefined) details.push(`${Math.round(process.residentBytes / 1_048_576)} MiB`);
  if (process.descriptors !== undefined) details.push(`${process.descriptors} descriptors`);
  const cells: Cell[] = [{ text: `conductor ${printable(version)}`, brush: paint.strong }, {
    text: details.join(", "),
  }];
  if (workers.crashes > 0) cells.push({ text: `${workers.crashes} crashed`, brush: paint.bad });
  if (draining) cells.push({ text: "draining", brush: paint.warn });
  return cells;
}

function columnTitles({ faint }: Paint): Cell[] {
  return [
    { text: "", width: NAME_WIDTH + 2, brush: faint },
    { text: "role", width: ROLE_WIDTH, brush: faint },
    { text: "req/s", width: WIDTHS.rate, brush: faint },
    { text: "ok", width: WIDTHS.ratio, brush: faint },
    ...["p50", "p95", "p99"].map((text) => ({ text, width: WIDTHS.duration, brush: faint })),
    { text: "now", width: WIDTHS.inFlight, brush: faint },
  ];
}

function routeBlock(current: RouteCounts, views: readonly StateView[], paint: Paint): Block {
  const at = (view: StateView | undefined) => view?.metrics.routes.find(({ route }) => route === current.route);
  const perSecond = ratesOf(views, (previous, next, seconds) => {
    const after = at(next);
    return after === undefined ? 0 : routeRates(at(previous), after, seconds).perSecond;
  });
  const rates = lastPair(views, (previous, _, seconds) => routeRates(at(previous), current, seconds));
  const { serverErrorRatio, interruptedRatio = 0, fallbackRatio = 0 } = rates ?? {};
  const okRatio = serverErrorRatio === undefined ? undefined : Math.max(0, 1 - serverErrorRatio - interruptedRatio);
  const notes: Cell[] = [];
  if (serverErrorRatio !== undefined && serverErrorRatio > 0) {
    notes.push({ text: `5xx ${formatRatio(serverErrorRatio)}`, brush: paint.bad });
  }
  if (interruptedRatio > 0) notes.push({ text: `interrupted ${formatRatio(interruptedRatio)}`, brush: paint.bad });
  if (fallbackRatio > 0) notes.push({ text: `fallback ${formatRatio(fallbackRatio)}`, brush: paint.warn });
  const line: Cell[] = [
    {
      text: current.route === "" ? "no route" : printable(current.route),
      width: NAME_WIDTH + 2 + 1 + ROLE_WIDTH,
      brush: paint.strong,
    },
    { text: formatRate(rates?.perSecond), width: WIDTHS.rate },
    { text: formatRatio(okRatio), width: WIDTHS.ratio, brush: ratioBrush(okRatio, paint) },
    ...durationCells(current),
    { text: String(current.inFlight), width: WIDTHS.inFlight },
    { text: sparkline(perSecond), brush: paint.accent },
  ];
  return { lines: [line, ...noteLine(notes)], rank: rankOf(okRatio, fallbackRatio > 0) };
}

function serviceBlock(
  current: ServiceCounts,
  state: ServiceStateSnapshot | undefined,
  views: readonly StateView[],
  paint: Paint,
): Block {
  const at = (view: StateView | undefined) =>
    view?.metrics.services.find(({ route, service }) => route === current.route && service === current.service);
  const perSecond = ratesOf(views, (previous, next, seconds) => {
    const after = at(next);
    return after === undefined ? 0 : serviceRates(at(previous), after, seconds).perSecond;
  });
  const rates = lastPair(views, (previous, _, seconds) => serviceRates(at(previous), current, seconds));
  const brush = roleBrushes(paint)[current.role];
  const line: Cell[] = [
    { text: `  ${printable(current.service)}`, width: NAME_WIDTH + 2 },
    { text: current.role, width: ROLE_WIDTH, brush },
    { text: formatRate(rates?.perSecond), width: WIDTHS.rate },
    { text: formatRatio(rates?.successRatio), width: WIDTHS.ratio, brush: ratioBrush(rates?.successRatio, paint) },
    ...durationCells(current),
    { text: String(current.inFlight), width: WIDTHS.inFlight },
    { text: sparkline(perSecond), brush },
  ];
  const notes: Cell[] = [];
  // One cause: requests to an unhealthy service do not reach its breaker.
  if (state?.health === "unhealthy") notes.push({ text: "unhealthy", brush: paint.bad });
  else if (state?.breaker === "open") notes.push({ text: "breaker open", brush: paint.bad });
  else if (state?.breaker === "half-open") notes.push({ text: "breaker half-open", brush: paint.warn });
  const cause = causeOf(state, views.at(-1)!.timeMs);
  if (cause !== undefined) notes.push({ text: printable(cause), brush: paint.bad });
  const skips = rates?.skips ?? [];
  if (skips.length > 0) {
    const reasons = skips.map(([reason, perSecond]) => `${reason} ${formatRate(perSecond)}`);
    notes.push({ text: `skipped per second: ${reasons.join(", ")}`, brush: paint.faint });
  }
  const isOut = state?.health === "unhealthy" || state?.breaker === "open";
  const rank = isOut ? FAILING : rankOf(rates?.successRatio, state?.breaker === "half-open");
  return { lines: [line, ...noteLine(notes)], rank };
}

function rankOf(okRatio = 1, isDegraded: boolean): number {
  if (okRatio < BAD_BELOW) return FAILING;
  return okRatio < WARN_BELOW || isDegraded ? DEGRADED : HEALTHY;
}

/** Returns why a service is unhealthy, or why its newest attempt failed; `undefined` if nothing failed of late. */
function causeOf(state: ServiceStateSnapshot | undefined, nowMs: number): string | undefined {
  const { failedCheck, lastFailure } = state ?? {};
  if (failedCheck !== undefined) return `health check: ${textOf(failedCheck)}`;
  return lastFailure === undefined || nowMs - lastFailure.timeMs > MAX_FAILURE_AGE_MS ? undefined : textOf(lastFailure);
}

function textOf({ cause, error, failure, status }: FailedCheck): string {
  return cause ?? (failure === undefined ? `status ${status}` : error === undefined ? failure : `${failure}: ${error}`);
}

function noteLine(notes: readonly Cell[]): Cell[][] {
  if (notes.length === 0) return [];
  return [[{ text: "   " }, ...notes.flatMap((note, index) => index === 0 ? [note] : [{ text: "·" }, note])]];
}

/** Returns one rate per pair of consecutive views. */
function ratesOf(
  views: readonly StateView[],
  rate: (previous: StateView, next: StateView, seconds: number) => number,
): number[] {
  return views.slice(1).map((next, index) => rate(views[index]!, next, secondsBetween(views[index]!, next)));
}

function lastPair<T>(
  views: readonly StateView[],
  read: (previous: StateView, current: StateView, seconds: number) => T,
): T | undefined {
  const [previous, current] = views.slice(-2);
  return previous === undefined || current === undefined
    ? undefined
    : read(previous, current, secondsBetween(previous, current));
}

function durationCells({ p50Ms, p95Ms, p99Ms }: Percentiles): Cell[] {
  return [p50Ms, p95Ms, p99Ms].map((durationMs) => ({
    text: durationMs === null ? UNKNOWN : formatDuration(durationMs),
    width: WIDTHS.duration,
  }));
}

function ratioBrush(ratio: number | undefined, paint: Paint): Brush | undefined {
  if (ratio === undefined) return undefined;
  return ratio < BAD_BELOW ? paint.bad : ratio < WARN_BELOW ? paint.warn : paint.good;
}

function countResponses({ responses }: RouteCounts): number {
  return Object.values(responses).reduce((sum: number, count = 0) => sum + count, 0);
}

/** Draws each value in relation to the highest. If all are 0, the curve is a flat line. */
function sparkline(values: readonly number[]): string {
  const highest = Math.max(...values, Number.MIN_VALUE);
  return values.map((value) => SPARKS[Math.min(SPARKS.length - 1, Math.floor(value / highest * SPARKS.length))]).join(
    "",
  );
}

function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return UNKNOWN;
  if (perSecond >= 9_999.5) return `${(perSecond / 1_000).toFixed(1)}k`;
  return perSecond === 0 || perSecond >= 9.95 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** Formats a ratio. Only exact values are shown as 0% and 100%: 99.96 % is shown as 99.9%. */
function formatRatio(ratio: number | undefined): string {
  if (ratio === undefined) return UNKNOWN;
  const percent = ratio * 100;
  if (percent === 0 || percent === 100) return `${percent}%`;
  return `${Math.min(99.9, Math.max(0.1, percent)).toFixed(1)}%`;
}

function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** Joins cells, and truncates the line to the columns. */
function join(cells: readonly Cell[], columns: number): string {
  let line = "";
  let used = 0;
  for (const [index, { text, width, brush = (text: string) => text }] of cells.entries()) {
    if (index > 0) {
      if (used + 1 >= columns) break;
      line += " ";
      used++;
    }
    const sized = width === undefined
      ? text
      : width < 0
      ? cut(text, -width).padStart(-width)
      : cut(text, width).padEnd(width);
    const fitting = cut(sized, columns - used);
    line += brush(fitting);
    used += fitting.length;
  }
  return line;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
