/** Numbers and lists in the sentences of `conductor explain` and `conductor check`. */

import type { HedgeSettings } from "../config/config.ts";
import { formatDuration } from "../lib/text_format.ts";

const SIZE_UNITS = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const;

/** Returns a list with commas and "and". */
export function joinNames(names: readonly string[]): string {
  return new Intl.ListFormat("en", { type: "conjunction" }).format(names);
}

/** Formats a ratio of requests, for example `1 of 10 requests` for 0.1. */
export function formatRatio(ratio: number): string {
  if (ratio === 0) return "no requests";
  if (ratio === 1) return "all requests";
  const inverse = Math.round(1 / ratio);
  if (Math.abs(1 / inverse - ratio) < 1e-9) return `1 of ${inverse.toLocaleString("en")} requests`;
  let total = 10;
  while (total < 1e9 && Math.abs(Math.round(ratio * total) / total - ratio) > 1e-9) total *= 10;
  return `${Math.round(ratio * total).toLocaleString("en")} of ${total.toLocaleString("en")} requests`;
}

/** Formats a ratio as a percentage. */
export function formatPercentage(ratio: number): string {
  return `${Number((ratio * 100).toFixed(7))} %`;
}

/** Formats a size with the largest unit that needs no fraction. */
export function formatSize(bytes: number): string {
  const [unit, length] = SIZE_UNITS.find(([, length]) => bytes > 0 && bytes % length === 0) ?? ["bytes", 1];
  return `${(bytes / length).toLocaleString("en")} ${unit}`;
}

/** Formats the duration of a ramp, which is often minutes or hours. */
export function formatRampDuration(ms: number): string {
  return ms < 60_000 ? formatDuration(ms) : `${Number((ms / 60_000).toFixed(1))} min`;
}

/** Formats the delay of a hedge, for example `50 ms`, or `the p95 of the services before it`. */
export function formatHedgeDelay({ after }: HedgeSettings): string {
  if (after.kind === "time") return formatDuration(after.delayMs);
  return `the p${Number((after.quantile * 100).toFixed(2))} of the services before it`;
}
