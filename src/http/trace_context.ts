/** `traceparent` fields (W3C Trace Context, https://www.w3.org/TR/trace-context/). */

/** The trace of a request. */
export interface TraceContext {
  /** Trace id: 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** Flags to forward: two hex digits. */
  readonly flags: string;
}

/** Version, trace id, parent id, flags. Version `ff` and ids of zeros are forbidden. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;
/** "Sampled" and "random trace id". Unknown flags must not be forwarded. */
const KNOWN_FLAGS = 0x03;

const NO_SPAN = "0".repeat(16);
/**
 * Parses a `traceparent` field; returns `undefined` if it is invalid. Several lines joined with commas are invalid. Of
 * a later version, only the parts known to version 00 are read.
 */
export function parseTraceparent(value: string): TraceContext | undefined {
  const [, version, traceId, flags, rest] = TRACEPARENT.exec(value) ?? [];
  if (traceId === undefined || flags === undefined || (version === "00" && rest !== undefined)) return undefined;
  return { traceId, flags: formatFlags(parseInt(flags, 16)) };
}

/** Formats a `traceparent` field. Without recorded spans, the span id is random. */
export function formatTraceparent({ traceId, flags }: TraceContext, spanId: string = newSpanId()): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

/** Formats the known flags as two hex digits. */
export function formatFlags(flags: number = 0): string {
  return `0${flags & KNOWN_FLAGS}`;
}

/**
 * Returns a random span id. It is not a secret, so `Math.random` is enough. OpenTelemetry's SDK for JavaScript uses it
 * too.
 */
function newSpanId(): string {
  const id = randomHex() + randomHex();
  return id === NO_SPAN ? newSpanId() : id;
}

/** Returns 32 random bits as 8 hex digits. */
function randomHex(): string {
  return Math.floor(Math.random() * 2 ** 32).toString(16).padStart(8, "0");
}
