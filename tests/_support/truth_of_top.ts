/** Compares every number of `conductor top` with the truth about known traffic. */

import { assert, assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import type { StateView } from "../../src/admin/api.ts";
import { type DurationBounds, type RouteTruth, type ServiceTruth, sum, type Truth } from "./known_traffic.ts";
import { checkPercentile } from "./truth_of_metrics.ts";
import { rangeOf } from "./truth_of_report.ts";

/** Everything that the table is compared with. */
export interface TopTruth {
  readonly truth: Truth;
  readonly workers: number;
  readonly states: readonly [before: StateView, after: StateView];
  /** True if all durations and failures are recent. On a slow machine, only some of them are. */
  readonly isRecent: boolean;
}

interface Line {
  readonly name: string;
  readonly perSecond: number;
  /** Success ratio; `NaN` if it is not known. */
  readonly ok: number;
  readonly duration: DurationBounds;
  readonly inFlight: number;
  readonly notes: readonly (string | RegExp)[];
}

const DURATION = String.raw`\d+(?:\.\d+)? m?s|–`;
// The curve shows the same rates as the column, without numbers.
const ROW = new RegExp(
  String
    .raw`^ *(\S.*?) +(?:(?:primary|secondary|shadow) +)?(\d[\d.]*k?) +(\S+%|–) +(${DURATION}) +(${DURATION}) +(${DURATION}) +(\d+) [▁-█]+$`,
);

/** Compares a table. Every line must be known, so a new number without a truth fails. */
export function checkTop(lines: readonly string[], context: TopTruth): void {
  const { truth: { routes, services }, workers, states: [before, after], isRecent } = context;
  const seconds = (after.timeMs - before.timeMs) / 1_000;
  const [headline = "", titles = "", ...rows] = lines;
  const facts = ["up \\d+ s", ...(workers > 1 ? [`${workers} workers`] : []), "\\d+ MiB(?:, \\d+ descriptors)?"];
  assertMatch(headline, new RegExp(`^conductor \\d+\\.\\d+\\.\\d+ ${facts.join(", ")}$`));
  assertEquals(titles.trim().split(/ +/), ["role", "req/s", "ok", "p50", "p95", "p99", "now"]);
  const expected = routes.flatMap((route) => [
    routeLine(route, seconds),
    ...services.filter((service) => service.route === route.route).map((service) => serviceLine(service, seconds)),
  ]);
  let next = 0;
  for (const line of expected) {
    const shown = rows[next++] ?? "";
    const [, name = "", rate, ok, p50, p95, p99, now] = ROW.exec(shown) ?? [];
    assertEquals([name, rate, ok, now], [
      line.name,
      rateText(line.perSecond),
      ratioText(line.ok),
      String(line.inFlight),
    ], shown);
    for (const [text, ratio] of [[p50, 0.5], [p95, 0.95], [p99, 0.99]] as const) {
      if (isRecent || text !== "–") {
        checkDuration(text!, ratio, isRecent ? line.duration : rangeOf(line.duration), shown);
      }
    }
    const hasNotes = rows[next]?.startsWith("    ") ?? false;
    const notes = hasNotes ? rows[next++]!.trim().split(" · ") : [];
    // The cause of an old failure is not shown.
    const isOptional = (note: string | RegExp) => !isRecent && typeof note !== "string";
    const knownNotes = line.notes.length === notes.length ? line.notes : line.notes.filter((note) => !isOptional(note));
    assertEquals(notes.length, knownNotes.length, `notes of ${line.name}: ${notes}`);
    notes.forEach((note, index) => {
      const known = knownNotes[index]!;
      if (typeof known === "string") assertEquals(note, known, line.name);
      else assertMatch(note, known);
    });
  }
  assertEquals(rows.slice(next), []);
}

function routeLine(
  { route, responses, interrupted, fallbacks, duration, inFlight }: RouteTruth,
  seconds: number,
): Line {
  const total = sum(responses);
  const bad = responses["5xx"] ?? 0;
  const ratioNote = (name: string, count: number) => count === 0 ? [] : [`${name} ${ratioText(count / total)}`];
  return {
    name: route === "" ? "no route" : route,
    perSecond: total / seconds,
    ok: total === 0 ? NaN : Math.max(0, 1 - bad / total - interrupted / total),
    duration,
    inFlight,
    notes: [
      ...ratioNote("5xx", bad),
      ...ratioNote("interrupted", interrupted),
      ...ratioNote("fallback", fallbacks),
    ],
  };
}

function serviceLine(truth: ServiceTruth, seconds: number): Line {
  const { service, responses, failedResponses, failures, skips, breaker, health, cause, duration, inFlight } = truth;
  const total = sum(responses) + sum(failures);
  const judged = total - (failures["aborted"] ?? 0);
  const skipped = Object.entries(skips).filter(([, count]) => count > 0).map(([reason, count]) =>
    `${reason} ${rateText(count / seconds)}`
  );
  return {
    name: service,
    perSecond: total / seconds,
    ok: judged === 0 ? NaN : (sum(responses) - failedResponses) / judged,
    duration,
    inFlight,
    notes: [
      ...(health === undefined ? [] : [health]),
      ...(breaker === "open" ? ["breaker open"] : []),
      ...(cause === undefined ? [] : [cause]),
      ...(skipped.length === 0 ? [] : [`skipped per second: ${skipped.join(", ")}`]),
    ],
  };
}

function checkDuration(text: string, ratio: number, bounds: DurationBounds, about: string): void {
  const [, number = "", unit] = /^([\d.]+) (m?s)$/.exec(text) ?? [];
  const scale = unit === "s" ? 1_000 : 1;
  const roundedMs = scale / 10 ** (number.split(".")[1]?.length ?? 0);
  checkPercentile(text === "–" ? null : Number(number) * scale, { ratio, bounds, roundedMs }, about);
}

function rateText(perSecond: number): string {
  return perSecond === 0 || perSecond >= 9.95 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** Only exact values are 0% and 100%. A column has five characters. */
function ratioText(ratio: number): string {
  if (Number.isNaN(ratio)) return "–";
  const percent = ratio * 100;
  return percent === 0 || percent === 100 ? `${percent}%` : `${Math.min(99.9, Math.max(0.1, percent)).toFixed(1)}%`;
}

/** Returns the second table in the output of `conductor top` without a cursor, and compares its time. */
export function secondTable(output: string, { states: [, after] }: TopTruth): string[] {
  const [time = "", ...lines] = output.split("\n\n")[1]!.split("\n");
  assertEquals(Date.parse(time), after.timeMs);
  assertGreaterOrEqual(lines.length, 3);
  assert(lines.every((line) => line === line.trimEnd()));
  return lines;
}
