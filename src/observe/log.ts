/**
 * The log: one line per request at info (at warn if it failed), one per failed attempt at warn, and every attempt at
 * debug.
 */

import type { Logging } from "../config/config.ts";
import { redactPath } from "../lib/secret_text.ts";
import type { ConductorEvent, Observer } from "./events.ts";
import { printableJson } from "../lib/printable.ts";
import { RepeatedLines, type RepeatLimits, type Suppressed } from "./repeated_lines.ts";

/** Severity of a line. */
export type LogLevel = Logging["level"];

/** Data of a line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A line before it is formatted. */
export interface LogRecord {
  /** Time, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Severity. */
  readonly level: LogLevel;
  /** Constant text, for example `request completed` or `attempt failed`. */
  readonly message: string;
  /** Event of the line; absent if the line concerns the process. */
  readonly event?: ConductorEvent;
  /** Data. */
  readonly fields: LogFields;
}

/** Options of {@linkcode createLogger}. */
export interface LoggerOptions {
  /** Lowest level that is written. */
  readonly level: LogLevel;
  /** Formats a record as a line, without a line end. */
  readonly format: (record: LogRecord) => string;
  /** Writes a line with its line end. Returns `false` if the line was dropped because the reader is too slow. */
  readonly write: (line: string) => boolean;
  /**
   * True if the access log has a line for each request, so that `request completed` at info is left out.
   *
   * @default {false}
   */
  readonly hasAccessLog?: boolean;
  /**
   * Limits of repeated failures of one service.
   *
   * @default Five lines per second, and a summary each second.
   */
  readonly repeats?: RepeatLimits;
  /**
   * Clock, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Writes log lines; never throws. */
export interface Logger {
  /** Writes a line that concerns the process. */
  readonly log: (level: LogLevel, message: string, fields?: LogFields) => void;
  /** Writes a line that is already formatted, with its line end. */
  readonly write: (line: string) => void;
  /** Writes the line of an event, if the event has one. */
  readonly observe: Observer;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

const BREAKER_LINES = {
  open: { level: "warn", message: "breaker opened" },
  "half-open": { level: "debug", message: "breaker half-open" },
  closed: { level: "info", message: "breaker closed" },
} as const;

/** None is a warning: only the report, with many comparisons, shows whether differences matter. */
const COMPARED_LINES = {
  match: { level: "debug", message: "responses match" },
  mismatch: { level: "info", message: "responses differ" },
  missing: { level: "info", message: "response missing" },
  noise: { level: "debug", message: "primary compared with itself" },
  "not-comparable": { level: "info", message: "responses not comparable" },
} as const;

const LEFT_OUT_LINE = { level: "debug", message: "responses not compared for lack of time" } as const;

/**
 * A timestamp in the responses makes every request differ. Metrics and report count all differences; the log shows a
 * few.
 */
const COMPARED_LIMITS: RepeatLimits = { linesPerSecond: 10, summaryMs: 1_000 };

/** A service that is down fails every request. Metrics count all failures; the log shows a few, and their number. */
const FAILURE_LIMITS: RepeatLimits = { linesPerSecond: 5, summaryMs: 1_000 };

/** Statuses of gateways: the client got no response of a service, or one that is not its own. */
const GATEWAY_FAILURES: ReadonlySet<number> = new Set([502, 503, 504]);

/** Messages of the summaries of suppressed lines. */
const SUMMARIES: Partial<Record<ConductorEvent["type"], string>> = {
  settled: "more attempts failed",
  responded: "more requests failed",
  interrupted: "more responses interrupted",
  compared: "more responses compared",
  refused: "more connections refused",
};

/** A flood of connections must not become a flood of lines. */
const REFUSED_LIMITS: RepeatLimits = { linesPerSecond: 1, summaryMs: 10_000 };

/** The server accepts longer paths than a log line should have. */
const MAX_PATH_LENGTH = 2_048;

/** Creates a logger. Its `observe` is the observer for the handler. */
export function createLogger(options: LoggerOptions): Logger {
  const { format, write, repeats = FAILURE_LIMITS, now = Date.now } = options;
  const threshold = SEVERITY[options.level];
  let dropped = 0;
  const failures = new RepeatedLines({ limits: repeats, now, onSummary: writeSummary });
  const comparisons = new RepeatedLines({ limits: COMPARED_LIMITS, now, onSummary: writeSummary });
  const refusals = new RepeatedLines({ limits: REFUSED_LIMITS, now, onSummary: writeSummary });

  function writeLine(level: LogLevel, message: string, fields: LogFields, event?: ConductorEvent): void {
    if (SEVERITY[level] < threshold) return;
    try {
      const record = { timeMs: now(), level, message, fields };
      if (
        dropped > 0 &&
        write(format({ ...record, level: "warn", message: "log lines dropped", fields: { dropped } }) + "\n")
      ) {
        dropped = 0;
      }
      if (!write(format(event === undefined ? record : { ...record, event }) + "\n")) dropped++;
    } catch {
      // A failing output must not affect the request.
    }
  }

  function writeSummary({ first: { level, event }, count, reasons }: Suppressed<RepeatedLine>): void {
    const subject = "service" in event ? { service: event.service } : "route" in event ? { route: event.route } : {};
    writeLine(level, SUMMARIES[event.type] ?? "more lines", { ...subject, suppressed: count, reasons });
  }

  /** Reports whether the line of an event must be written. Otherwise it is counted. */
  function admits(level: LogLevel, event: ConductorEvent): boolean {
    if (threshold === SEVERITY.debug) return true;
    if (event.type === "compared") return comparisons.admit("", event.result, { level, event });
    if (event.type === "refused") return refusals.admit(event.reason, event.reason, { level, event });
    if (level !== "warn") return true;
    const line = { level, event };
    if (event.type === "settled" || event.type === "interrupted") {
      return failures.admit(`${event.type} ${event.service}`, event.failure ?? statusOf(event), line);
    }
    // At info, this log or the access log has a line for each request.
    if (event.type !== "responded" || (threshold < SEVERITY.warn && !options.hasAccessLog)) return true;
    return failures.admit(`responded ${event.service ?? event.route}`, event.refusal ?? statusOf(event), line);
  }

  return {
    write: (line) => {
      if (!write(line)) dropped++;
    },
    log: (level, message, fields = {}) => {
      // Summaries before the last line of the process.
      failures.flush();
      comparisons.flush();
      refusals.flush();
      writeLine(level, message, fields);
    },
    observe: (event) => {
      const line = describe(event);
      if (options.hasAccessLog && event.type === "responded" && line?.level === "info") return;
      if (line === undefined || SEVERITY[line.level] < threshold || !admits(line.level, event)) return;
      writeLine(line.level, line.message, fieldsOf(event), event);
    },
  };
}

/** A line that may be suppressed. */
interface RepeatedLine {
  readonly level: LogLevel;
  readonly event: ConductorEvent;
}

function statusOf({ status }: { readonly status?: number }): string {
  return `status ${status}`;
}

/** Formats a record as one line of JSON with escaped control characters. A parser returns every value unchanged. */
export function formatJson({ timeMs, level, message, fields }: LogRecord): string {
  return printableJson(JSON.stringify({ time: new Date(timeMs).toISOString(), level, message, ...fields }));
}

/**
 * Aborted attempts are not warnings, because they say nothing about the service. Attempts that the gate rejected are
 * not either, because the change of the breaker or of the health was logged.
 */
function describe(event: ConductorEvent): Pick<LogRecord, "level" | "message"> | undefined {
  switch (event.type) {
    case "attempted":
      return { level: "debug", message: "attempt started" };
    case "skipped":
      return { level: "debug", message: "attempt skipped" };
    case "settled":
      if (event.success) return { level: "debug", message: "attempt succeeded" };
      if (event.failure === "aborted" || event.failure === "body-too-large") {
        return { level: "debug", message: "attempt aborted" };
      }
      if (event.failure === "open-circuit" || event.failure === "unhealthy") {
        return { level: "debug", message: "attempt rejected" };
      }
      return { level: "warn", message: "attempt failed" };
    case "responded":
      return { level: GATEWAY_FAILURES.has(event.status) ? "warn" : "info", message: "request completed" };
    case "interrupted":
      return { level: event.failure === "aborted" ? "debug" : "warn", message: "response interrupted" };
    case "tunnel-opened":
      return { level: "debug", message: "tunnel opened" };
    case "tunnel-closed":
      return { level: event.role === "shadow" ? "debug" : "info", message: "tunnel closed" };
    case "refused":
      return { level: "warn", message: "connection refused" };
    case "breaker":
      return BREAKER_LINES[event.state];
    case "health":
      return { level: event.state === "healthy" ? "info" : "warn", message: `service ${event.state}` };
    case "compared":
      // Under load, there may be thousands per second, and they say nothing about a service.
      return event.reason === "no-time" ? LEFT_OUT_LINE : COMPARED_LINES[event.result];
    default:
      return undefined;
  }
}

function fieldsOf(event: ConductorEvent): LogFields {
  const fields: Record<string, unknown> = { ...event };
  delete fields.type;
  if ("path" in event) fields.path = truncatedPath(event.path);
  if ("durationMs" in event) fields.durationMs = toMicroseconds(event.durationMs);
  if ("atMs" in event) fields.atMs = toMicroseconds(event.atMs);
  return fields;
}

function truncatedPath(path: string): string {
  const shown = redactPath(path.slice(0, MAX_PATH_LENGTH));
  return path.length > MAX_PATH_LENGTH ? `${shown}…` : shown;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
