/** Log lines for terminals. */

import { formatDuration } from "../lib/text_format.ts";
import type {
  BreakerEvent,
  ComparedEvent,
  ConductorEvent,
  FailureDetail,
  HealthEvent,
  InterruptedEvent,
  RefusedEvent,
  RespondedEvent,
  SettledEvent,
  TunnelClosedEvent,
} from "./events.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { LogFields, LogLevel, LogRecord } from "./log.ts";
import { type Brush, createPaint, type Paint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";

/** Options of {@linkcode createPrettyFormat}. */
export interface PrettyFormatOptions {
  /** True if the lines go to a terminal with colors. */
  readonly color: boolean;
}

/** Creates a format for {@linkcode createLogger}: local time, level, the event in words, and the id of the request. */
export function createPrettyFormat(options: PrettyFormatOptions): (record: LogRecord) => string {
  const paint = createPaint(options.color);
  const brushes: Record<LogLevel, Brush> = { debug: paint.faint, info: paint.good, warn: paint.warn, error: paint.bad };
  return ({ timeMs, level, message, event, fields }) => {
    const parts = [paint.faint(localTime(timeMs)), brushes[level](level.toUpperCase().padEnd(5))];
    if (event === undefined) {
      parts.push(message, ...fieldTexts(fields, paint));
    } else {
      parts.push(eventText(event, fields, paint));
      if ("requestId" in event) parts.push(paint.faint(oneWord(event.requestId)));
    }
    return parts.join(" ");
  };
}

function eventText(event: ConductorEvent, fields: LogFields, paint: Paint): string {
  switch (event.type) {
    case "attempted":
      return `${arrow(event.role)} ${paint.strong(printable(event.service))} (${event.role}, ${
        printable(event.route)
      })${event.hedge ? " as a hedge" : ""}${event.replay ? " as a replay" : ""}`;
    case "skipped":
      return `${arrow(event.role)} ${paint.strong(printable(event.service))} (${event.role}) not sent: ${event.reason}`;
    case "settled":
      return settledText(event, paint);
    case "responded":
      return respondedText(event, fields, paint);
    case "interrupted":
      return interruptedText(event, paint);
    case "tunnel-opened":
      return `${arrow(event.role)} ${paint.strong(printable(event.service))} switched to ${oneWord(event.protocol)}`;
    case "tunnel-closed":
      return tunnelClosedText(event, paint);
    case "breaker":
      return breakerText(event, paint);
    case "health":
      return healthText(event, paint);
    case "refused":
      return refusedText(event, fields, paint);
    case "received":
    case "relayed":
    case "tunnel-progress":
      // They have no line.
      return event.type;
    case "compared":
      return comparedText(event, paint);
  }
}

function arrow(role: SettledEvent["role"]): string {
  return role === "shadow" ? "┄▷" : "─▶";
}

function respondedText(event: RespondedEvent, fields: LogFields, paint: Paint): string {
  const by = event.service === undefined ? "conductor" : printable(event.service);
  const remark = event.fallback ? "fallback" : event.refusal;
  const note = remark === undefined ? "" : ` ${paint.warn(`(${remark})`)}`;
  const path = oneWord(String(fields.path));
  return `${statusText(event.status, paint)} ${oneWord(event.method)} ${path} ← ${paint.strong(by)}${note} in ${
    formatDuration(event.durationMs)
  }`;
}

function settledText(event: SettledEvent, paint: Paint): string {
  const service = paint.strong(printable(event.service));
  const place = `(${event.role}, ${printable(event.route)})`;
  const duration = formatDuration(event.durationMs);
  if (event.success) return `← ${service} ${statusText(event.status ?? 0, paint)} in ${duration} ${place}`;
  return `${service} failed after ${duration} ${place}: ${reasonText(event, paint)}`;
}

function interruptedText(event: InterruptedEvent, paint: Paint): string {
  return `response of ${paint.strong(printable(event.service))} interrupted: ${reasonText(event, paint)}`;
}

function tunnelClosedText(event: TunnelClosedEvent, paint: Paint): string {
  const { protocol, cause, closeCode, clientBytes, serviceBytes, durationMs } = event;
  const subject = `${oneWord(protocol)} of ${paint.strong(printable(event.service))}`;
  const code = closeCode === undefined ? "" : `, close code ${closeCode}`;
  const end = cause === "failed" || cause === "cut-off" ? paint.warn(cause) : cause;
  const bytes = `${clientBytes} bytes sent, ${serviceBytes} received`;
  return `${subject} closed (${end}${code}) after ${formatDuration(durationMs)}, ${bytes}`;
}

function refusedText({ reason, client }: RefusedEvent, { leftOut }: LogFields, paint: Paint): string {
  const more = leftOut === undefined ? "" : ` and ${leftOut} more`;
  return `connection of ${printable(client)}${more} refused: ${paint.bad(reason)}`;
}

function breakerText({ service, state, openForMs }: BreakerEvent, paint: Paint): string {
  const subject = `breaker of ${paint.strong(printable(service))}`;
  if (state === "closed") return `${subject} closed: requests are sent again`;
  if (state === "half-open") return `${subject} half-open: one request is sent as a probe`;
  return `${subject} opened: no requests for ${formatDuration(openForMs ?? 0)}`;
}

function healthText(event: HealthEvent, paint: Paint): string {
  const { service, state } = event;
  const subject = paint.strong(printable(service));
  if (state === "healthy") return `${subject} is healthy: requests are sent again`;
  return `${subject} is unhealthy: no requests are sent (${reasonText(event, paint)})`;
}

/** Returns the usual cause, otherwise the words of the platform with the address, otherwise the status. */
function reasonText(
  { failure, status, error, address, cause }: FailureDetail & {
    readonly failure?: FailureKind;
    readonly status?: number;
  },
  paint: Paint,
): string {
  if (failure === undefined) return paint.bad(`status ${status}`);
  if (cause !== undefined) return `${paint.bad(failure)}: ${printable(cause)}`;
  const words = error === undefined ? "" : `: ${printable(error)}`;
  return `${paint.bad(failure)}${words}${address === undefined ? "" : ` (${printable(address)})`}`;
}

function comparedText(
  { service, result, paths, reason }: ComparedEvent,
  paint: Paint,
): string {
  const subject = paint.strong(printable(service));
  const where = paths.length === 0 ? "" : `: ${paths.map(oneWord).join(", ")}`;
  if (result === "noise") return `primary compared with itself (${subject})${where}`;
  if (result === "match") return `response of ${subject} matches the primary`;
  if (result === "not-comparable") return `response of ${subject} not comparable: ${paint.warn(reason ?? "")}`;
  return `response of ${subject} ${paint.warn("differs from the primary")}${where}`;
}

function statusText(status: number, paint: Paint): string {
  const brush = status >= 500 ? paint.bad : status >= 400 ? paint.warn : paint.good;
  return brush(String(status));
}

function fieldTexts(fields: LogFields, paint: Paint): string[] {
  return Object.entries(fields).map(([name, value]) => {
    return paint.faint(`${name}=${printable(typeof value === "string" ? value : JSON.stringify(value) ?? "")}`);
  });
}

/** Escapes spaces, so that the text stays one word. Methods, paths and ids from HTTP have none. */
function oneWord(text: string): string {
  return printable(text).replaceAll(" ", "\\x20");
}

function localTime(timeMs: number): string {
  const date = new Date(timeMs);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
