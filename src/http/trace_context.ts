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

const SPAN_ID_BYTES = 8;
const NO_SPAN = "0".repeat(2 * SPAN_ID_BYTES);
/** Random bytes for many ids at once, because separate calls cost ten times as much. */
const random = new Uint8Array(128 * SPAN_ID_BYTES);
let usedBytes = random.length;

/**
 * Parses a `traceparent` field; returns `undefined` if it is invalid. Several lines joined with commas are invalid. Of a
 * later version, only the parts known to version 00 are read.
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

function newSpanId(): string {
  if (usedBytes === random.length) {
    crypto.getRandomValues(random);
    usedBytes = 0;
  }
  let id = "";
  for (const end = usedBytes + SPAN_ID_BYTES; usedBytes < end; usedBytes++) {
    id += random[usedBytes]!.toString(16).padStart(2, "0");
  }
  return id === NO_SPAN ? newSpanId() : id;
}
