/** Metrics as Prometheus reads them: its text format, version 0.0.4. */

import { HISTOGRAM_BOUNDS_SECONDS } from "./histogram_bounds.ts";
import { METRIC_FAMILIES, type MetricFamily, type Sample } from "./metric_families.ts";
import type { MetricsReading } from "./metrics_reading.ts";

/** The media type of the text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const BUCKET_BOUNDS: readonly string[] = [...HISTOGRAM_BOUNDS_SECONDS.map(String), "+Inf"];

/**
 * Writes a reading in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @param reading What to write.
 * @returns The text; metrics without a value are left out.
 */
export function formatPrometheus(reading: MetricsReading): string {
  const lines: string[] = [];
  for (const family of METRIC_FAMILIES) {
    const samples = family.read(reading);
    if (samples.length === 0) continue;
    lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`);
    for (const sample of samples) write(family, sample, lines);
  }
  return lines.join("\n") + "\n";
}

function write({ name, labels: names }: MetricFamily, [values, value]: Sample, lines: string[]): void {
  const labels = names.map((label, index) => `${label}="${escapeLabel(values[index] ?? "")}"`).join(",");
  const braces = labels === "" ? "" : `{${labels}}`;
  if (typeof value === "number") {
    lines.push(`${name}${braces} ${value}`);
    return;
  }
  let count = 0;
  for (const [index, bound] of BUCKET_BOUNDS.entries()) {
    count += value.counts[index] ?? 0;
    lines.push(`${name}_bucket{${labels},le="${bound}"} ${count}`);
  }
  lines.push(`${name}_sum${braces} ${value.sumMs / 1_000}`, `${name}_count${braces} ${count}`);
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
