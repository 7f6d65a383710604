/** Durations for text output. */

/** Formats a duration with its significant digits: `0.8 ms`, `34 ms` or `1.25 s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 9.95) return `${durationMs.toFixed(1)} ms`;
  if (durationMs < 999.5) return `${Math.round(durationMs)} ms`;
  return `${Number((durationMs / 1_000).toFixed(2))} s`;
}
