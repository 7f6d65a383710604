/** Chart of an exchange: one bar per service on a common time axis. */

import { formatDuration } from "../../lib/text_format.ts";
import type { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts";
import type { Paint } from "../../lib/paint.ts";
import { printable } from "../../lib/printable.ts";
import { roleBrushes } from "../route_table.ts";

/** Options of {@linkcode drawExchange}. */
export interface ChartOptions {
  /** Colors of the output. */
  readonly paint: Paint;
  /** Minimum length of the time axis in milliseconds, so that charts of several requests can be compared. */
  readonly minAxisMs: number;
  /** Prefix of each line. */
  readonly margin: string;
}

/** A settled attempt. */
type Bar = AttemptRecord & { readonly startMs: number; readonly endMs: number };

const INTERVALS = 4;
const INTERVAL_WIDTH = 7;
const AXIS_WIDTH = INTERVALS * INTERVAL_WIDTH;
const NAME_WIDTH = 6;
const ROLE_WIDTH = 9;
/** Possible lengths of an interval, times a power of ten. */
const NICE_STEPS = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** Draws the duration of the exchange for the client, the attempts, and the time axis. */
export function drawExchange(exchange: ExchangeRecord, options: ChartOptions): string {
  const bars = exchange.attempts.flatMap(toBar);
  const { paint, margin } = options;
  const longestMs = Math.max(options.minAxisMs, exchange.durationMs, ...bars.map(({ endMs }) => endMs));
  const stepMs = niceStep(longestMs / INTERVALS);
  const position = (ms: number) => ms / (stepMs * INTERVALS) * AXIS_WIDTH;
  const clientWidth = Math.max(1, Math.round(position(exchange.durationMs)));
  const lines = [
    [
      label("client", ""),
      paint.accent("░".repeat(clientWidth)) + " ".repeat(AXIS_WIDTH + 1 - clientWidth),
      result(exchange.status, exchange.durationMs),
    ],
    ...bars.map((bar) => [
      label(bar.service, bar.role),
      stroke(bar, Math.floor(position(bar.startMs)), Math.round(position(bar.endMs)), paint),
      result(bar.status ?? bar.failure ?? "", bar.endMs - bar.startMs),
      noteFor(bar, exchange, paint),
    ]),
    ...axis(stepMs, paint),
  ];
  return lines.map((parts) => margin + parts.join(" ").trimEnd()).join("\n");
}

function toBar(attempt: AttemptRecord): Bar[] {
  const { startMs, endMs } = attempt;
  return startMs === undefined || endMs === undefined ? [] : [{ ...attempt, startMs, endMs }];
}

function label(name: string, role: string): string {
  return `${printable(name).padEnd(NAME_WIDTH)} ${role.padEnd(ROLE_WIDTH)}`;
}

function stroke({ role, success }: Bar, start: number, end: number, paint: Paint): string {
  const brush = roleBrushes(paint)[role];
  const length = Math.max(0, end - start - 1);
  const line = brush((role === "shadow" ? "╍" : "━").repeat(length));
  const head = success ? brush("●") : paint.bad("✗");
  return " ".repeat(start) + line + head + " ".repeat(AXIS_WIDTH - start - length);
}

function result(state: string | number, durationMs: number): string {
  return `${String(state).padEnd(7)} ${formatDuration(durationMs).padStart(7)}`;
}

function noteFor({ role, selected, success }: Bar, { fallback }: ExchangeRecord, paint: Paint): string {
  if (role === "shadow") return paint.faint(" mirrored");
  if (selected) return fallback ? paint.warn(" ◀ fallback") : paint.good(" ◀ response");
  return success ? paint.faint(" not used") : "";
}

function axis(stepMs: number, paint: Paint): string[][] {
  const indent = " ".repeat(NAME_WIDTH + 1 + ROLE_WIDTH + 1);
  const ticks = `├${Array(INTERVALS).fill("─".repeat(INTERVAL_WIDTH - 1)).join("┼")}┤`;
  const labels = Array.from({ length: INTERVALS }, (_, index) => String(index * stepMs).padEnd(INTERVAL_WIDTH)).join(
    "",
  );
  return [[indent + paint.faint(ticks)], [indent + paint.faint(`${labels}${INTERVALS * stepMs} ms`)]];
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const step = NICE_STEPS.find((candidate) => candidate * power >= atLeast) ?? 10;
  return Number((step * power).toPrecision(3));
}
