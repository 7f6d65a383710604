/** The flags of `conductor report`. */

import { suggest } from "../config/schema/describe.ts";
import { readThresholds, THRESHOLD_NAMES, type ThresholdName } from "../compare/report_thresholds.ts";
import type { ValueFlag } from "./command_table.ts";
import { UsageError } from "./usage_error.ts";

/** How a report can be written. */
export type ReportFormat = "text" | "json" | "markdown";

/** What is asked for with `conductor report`. */
export interface ReportRequest {
  /** Where the admin listener is; absent where that was not given. */
  readonly admin: URL | undefined;
  /** The path of the file that holds its token; absent where it needs none. */
  readonly tokenFile: string | undefined;
  /** How the report is written. */
  readonly format: ReportFormat;
  /** The thresholds that were given, as query parameters. */
  readonly query: URLSearchParams;
}

const FORMATS: readonly ReportFormat[] = ["text", "json", "markdown"];
const FLAG_OF: Readonly<Record<ThresholdName, ValueFlag>> = {
  minRequests: "min-requests",
  maxMismatch: "max-mismatch",
  maxLatencyRatio: "max-latency-ratio",
  maxErrors: "max-errors",
};

/**
 * Understands the flags of `conductor report`.
 *
 * @param valueOf The text of a flag; `undefined` where it was not given.
 * @returns What is asked for.
 * @throws {UsageError} Where a value is of no use.
 */
export function reportRequestFrom(valueOf: (name: ValueFlag) => string | undefined): ReportRequest {
  const reading = readThresholds((name) => valueOf(FLAG_OF[name]), (name) => `--${FLAG_OF[name]}`);
  if (!reading.ok) throw new UsageError(reading.problem);
  const query = new URLSearchParams();
  for (const name of THRESHOLD_NAMES) {
    const text = valueOf(FLAG_OF[name]);
    if (text !== undefined) query.set(name, text);
  }
  return {
    admin: adminFrom(valueOf("admin")),
    tokenFile: valueOf("token-file"),
    format: formatFrom(valueOf("format")),
    query,
  };
}

function adminFrom(value: string | undefined): URL | undefined {
  if (value === undefined) return undefined;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  const isUsable = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
  if (!isUsable) {
    throw new UsageError(
      `Cannot ask "${value}" for a report as the admin listener must be a URL without credentials, like http://127.0.0.1:9090`,
    );
  }
  return url;
}

function formatFrom(value: string | undefined): ReportFormat {
  if (value === undefined) return "text";
  const format = FORMATS.find((known) => known === value);
  if (format !== undefined) return format;
  throw new UsageError(
    `Cannot write a report as "${value}" as the format must be "text", "json" or "markdown"${suggest(value, FORMATS)}`,
  );
}
