/** A timeline as a drawing: one bar per service on a common time axis. */

import { formatDuration } from "../../observe/duration.ts";
import type { Paint } from "../../observe/paint.ts";
import { printable } from "../../observe/printable.ts";
import { roleBrushes } from "../route_table.ts";
import type { Timeline, TimelineBar } from "./timeline.ts";

/** How a chart looks. */
export interface ChartOptions {
  /** The brushes of the output. */
  readonly paint: Paint;
  /** The shortest time axis, so that charts of several requests can be compared, in milliseconds. */
  readonly minAxisMs: number;
  /** What every line begins with. */
  readonly margin: string;
}

const INTERVALS = 4;
const INTERVAL_WIDTH = 7;
const AXIS_WIDTH = INTERVALS * INTERVAL_WIDTH;
const NAME_WIDTH = 6;
const ROLE_WIDTH = 9;
/** The lengths that a tick may stand for, times a power of ten. */
const NICE_STEPS = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/**
 * Draws a request's timeline: how long the client waited, then how long each service took, then the axis.
 *
 * @param timeline The request.
 * @param options How the chart looks.
 * @returns The drawing, several lines.
 */
export function drawTimeline(timeline: Timeline, options: ChartOptions): string {
  const { answer, bars } = timeline;
  const { paint, margin } = options;
  const longestMs = Math.max(options.minAxisMs, answer.durationMs, ...bars.map(({ endMs }) => endMs));
  const stepMs = niceStep(longestMs / INTERVALS);
  const columns = (ms: number) => Math.round(ms / (stepMs * INTERVALS) * AXIS_WIDTH);
  const brushes = roleBrushes(paint);

  const clientBar = "░".repeat(Math.max(1, columns(answer.durationMs)));
  const lines = [
    row({ name: "client", role: "", bar: clientBar, state: answer.status, durationMs: answer.durationMs, note: "" }),
    ...bars.map((bar) => {
      const { role, outcome, startMs, endMs } = bar;
      const length = Math.max(1, columns(endMs) - columns(startMs));
      const stroke = (role === "shadow" ? "╍" : "━").repeat(length - 1);
      const end = outcome.success ? "●" : "✗";
      const drawn = row({
        name: bar.service,
        role,
        bar: " ".repeat(columns(startMs)) + stroke + end,
        state: outcome.status ?? outcome.failure ?? "",
        durationMs: endMs - startMs,
        note: noteFor(bar, timeline),
      });
      const brush = brushes[role];
      return drawn.replace(stroke + end, brush(stroke) + (outcome.success ? brush(end) : paint.bad(end)));
    }),
    ...axis(stepMs, paint),
  ];
  return lines.map((line) => margin + line).join("\n");
}

interface RowParts {
  readonly name: string;
  readonly role: string;
  readonly bar: string;
  readonly state: string | number;
  readonly durationMs: number;
  readonly note: string;
}

function row({ name, role, bar, state, durationMs, note }: RowParts): string {
  const label = `${printable(name).padEnd(NAME_WIDTH)} ${role.padEnd(ROLE_WIDTH)}`;
  const result = `${String(state).padEnd(7)} ${formatDuration(durationMs).padStart(7)}`;
  return `${label} ${bar.padEnd(AXIS_WIDTH + 1)} ${result}  ${note}`.trimEnd();
}

function noteFor({ service, role, outcome }: TimelineBar, { answer }: Timeline): string {
  if (role === "shadow") return "a copy";
  if (service === answer.service) return answer.fallback ? "◀ stands in" : "◀ the answer";
  return outcome.success ? "in reserve" : "";
}

function axis(stepMs: number, paint: Paint): string[] {
  const indent = " ".repeat(NAME_WIDTH + 1 + ROLE_WIDTH + 1);
  const ticks = `├${Array(INTERVALS).fill("─".repeat(INTERVAL_WIDTH - 1)).join("┼")}┤`;
  const labels = Array.from({ length: INTERVALS }, (_, index) => String(index * stepMs).padEnd(INTERVAL_WIDTH)).join(
    "",
  );
  return [indent + paint.faint(ticks), indent + paint.faint(`${labels}${INTERVALS * stepMs} ms`)];
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const step = NICE_STEPS.find((candidate) => candidate * power >= atLeast) ?? 10;
  return Number((step * power).toPrecision(3));
}
