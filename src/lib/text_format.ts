/** Formats of values in text output, and line breaks. */

/** Formats a duration with its significant digits: `0.8 ms`, `34 ms` or `1.25 s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 9.95) return `${durationMs.toFixed(1)} ms`;
  if (durationMs < 999.5) return `${Math.round(durationMs)} ms`;
  return `${Number((durationMs / 1_000).toFixed(2))} s`;
}

/** Formats a time since 1970 in milliseconds, to the second in UTC: `2026-11-30 14:02:10 UTC`. */
export function formatTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Formats a ratio from 0 to 1 with three digits, for example `99.98 %`. Only 0 and 1 become `0 %` and `100 %`. */
export function percent(ratio: number): string {
  const rounded = ratio > 0.99
    ? 100 - Number(((1 - ratio) * 100).toPrecision(2))
    : Number((ratio * 100).toPrecision(3));
  return `${Number(rounded.toFixed(10))} %`;
}

/** Breaks a text between words into lines of at most `width` characters. A longer word gets a line of its own. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
