/**
 * The log: one line per request at info, one per failed attempt at warn, every attempt at debug. Where lines go and how
 * they look is injected.
 */

import type { Logging } from "../config/config.ts";
import { redactPath } from "../lib/secret_text.ts";
import type { ConductorEvent, Observer } from "./events.ts";
import { PerSecond } from "../lib/per_second.ts";

/** How much a line matters. */
export type LogLevel = Logging["level"];

/** The data of one line, beside its message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line before it is formatted. */
export interface LogRecord {
  /** When it happened, in milliseconds since 1970. */
  readonly timeMs: number;
  /** How much it matters. */
  readonly level: LogLevel;
  /** What happened, in a few constant words: `request`, `attempt failed`. */
  readonly message: string;
  /** The event that the line tells of; absent where the line is about the process. */
  readonly event?: ConductorEvent;
  /** The data of the line. */
  readonly fields: LogFields;
}

/** How a logger is set up. */
export interface LoggerOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  /** Turns a record into a line, without its line end. */
  readonly format: (record: LogRecord) => string;
  /** Takes a line with its line end; `false` where it had to be dropped because the reader is too slow. */
  readonly write: (line: string) => boolean;
  /**
   * The clock, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Writes log lines; never throws. */
export interface Logger {
  /** Writes a line about the process itself. */
  readonly log: (level: LogLevel, message: string, fields?: LogFields) => void;
  /** Writes the line that an event is worth, if any. */
  readonly observe: Observer;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

const BREAKER_LINES = {
  open: { level: "warn", message: "breaker opened" },
  "half-open": { level: "debug", message: "breaker half-open" },
  closed: { level: "info", message: "breaker closed" },
} as const;

/** Whether a difference matters is not known before many have been counted: none is a warning. */
const COMPARED_LINES = {
  match: { level: "debug", message: "answers alike" },
  mismatch: { level: "info", message: "answers differ" },
  missing: { level: "info", message: "answer missing" },
  noise: { level: "debug", message: "primary compared with itself" },
  "not-comparable": { level: "info", message: "answers not comparable" },
} as const;

/** Where a time stamp differs, every request has such a line: metrics and report count them all, people read a few. */
const COMPARED_LINES_PER_SECOND = 10;

/** A path may have as many bytes as the server accepts in a head; a log line need not. */
const MAX_PATH_LENGTH = 2_048;

/**
 * Creates a logger.
 *
 * @param options Level, format and destination.
 * @returns The logger, whose `observe` is given to the handler.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { format, write, now = Date.now } = options;
  const threshold = SEVERITY[options.level];
  let dropped = 0;
  const compared = new PerSecond(COMPARED_LINES_PER_SECOND);
  let leftOut = 0;

  function put(level: LogLevel, message: string, fields: LogFields, event?: ConductorEvent): void {
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
      // A line that cannot be written is lost; the request that it tells of is not.
    }
  }

  function putCompared({ level, message }: Pick<LogRecord, "level" | "message">, event: ConductorEvent): void {
    if (!compared.tryTake(now())) {
      leftOut++;
      return;
    }
    put(level, message, leftOut > 0 ? { ...fieldsOf(event), leftOut } : fieldsOf(event), event);
    leftOut = 0;
  }

  return {
    log: (level, message, fields = {}) => put(level, message, fields),
    observe: (event) => {
      const line = describe(event);
      if (line === undefined || SEVERITY[line.level] < threshold) return;
      if (event.type === "compared" && threshold > SEVERITY.debug) putCompared(line, event);
      else put(line.level, line.message, fieldsOf(event), event);
    },
  };
}

/**
 * An attempt that was given up, because the client had gone away, says nothing about the service; one that an open breaker
 * kept from being made tells nothing new.
 */
function describe(event: ConductorEvent): Pick<LogRecord, "level" | "message"> | undefined {
  switch (event.type) {
    case "attempted":
      return { level: "debug", message: "attempt started" };
    case "skipped":
      return { level: "debug", message: "not sent" };
    case "settled":
      if (event.success) return { level: "debug", message: "attempt succeeded" };
      if (event.failure === "aborted") return { level: "debug", message: "attempt aborted" };
      if (event.failure === "open-circuit" || event.failure === "unhealthy") {
        return { level: "debug", message: "attempt not made" };
      }
      return { level: "warn", message: "attempt failed" };
    case "responded":
      return { level: "info", message: "request" };
    case "interrupted":
      return { level: event.failure === "aborted" ? "debug" : "warn", message: "response interrupted" };
    case "breaker":
      return BREAKER_LINES[event.state];
    case "health":
      return { level: event.state === "healthy" ? "info" : "warn", message: `service ${event.state}` };
    case "compared":
      return COMPARED_LINES[event.result];
    default:
      return undefined;
  }
}

function fieldsOf(event: ConductorEvent): LogFields {
  const fields: Record<string, unknown> = { ...event };
  delete fields.type;
  if ("path" in event) fields.path = shownPath(event.path);
  if ("durationMs" in event) fields.durationMs = toMicroseconds(event.durationMs);
  if ("atMs" in event) fields.atMs = toMicroseconds(event.atMs);
  return fields;
}

function shownPath(path: string): string {
  const shown = redactPath(path.slice(0, MAX_PATH_LENGTH));
  return path.length > MAX_PATH_LENGTH ? `${shown}…` : shown;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
