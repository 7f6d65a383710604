/** The trace that a request is part of, as its fields tell (W3C Trace Context, https://www.w3.org/TR/trace-context/). */

/** What a request says of its trace. */
export interface TraceContext {
  /** The trace's id: 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** The flags to pass on: two hex digits. */
  readonly flags: string;
}

/** The fields: version, trace id, parent id, flags. Version `ff` is forbidden, and so are ids of zeros. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;
/** "Sampled" and "random trace id" are all the flags that there are; the others must not be passed on. */
const KNOWN_FLAGS = 0x03;

const SPAN_ID_BYTES = 8;
const NO_SPAN = "0".repeat(2 * SPAN_ID_BYTES);
/** Random bytes for many ids at once: asking for them one by one costs ten times as much. */
const random = new Uint8Array(128 * SPAN_ID_BYTES);
let taken = random.length;

/**
 * Reads a `traceparent` field.
 *
 * @param value Its value; several lines joined with commas are invalid, as they should be.
 * @returns What it says, or `undefined` where it is invalid: then the request is part of no trace. A later version is
 * read as far as this one goes.
 */
export function parseTraceparent(value: string): TraceContext | undefined {
  const [, version, traceId, flags, rest] = TRACEPARENT.exec(value) ?? [];
  if (traceId === undefined || flags === undefined || (version === "00" && rest !== undefined)) return undefined;
  return { traceId, flags: formatFlags(parseInt(flags, 16)) };
}

/**
 * Writes a `traceparent` field.
 *
 * @param trace The trace.
 * @param spanId The id of what the receiver is called by; absent: one that is new, for a caller that records no spans.
 * @returns The value.
 */
export function formatTraceparent({ traceId, flags }: TraceContext, spanId: string = newSpanId()): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

/**
 * Writes flags.
 *
 * @param flags The flags as a number; absent: none.
 * @returns Two hex digits, of the flags that are known.
 */
export function formatFlags(flags: number = 0): string {
  return `0${flags & KNOWN_FLAGS}`;
}

function newSpanId(): string {
  if (taken === random.length) {
    crypto.getRandomValues(random);
    taken = 0;
  }
  let id = "";
  for (const end = taken + SPAN_ID_BYTES; taken < end; taken++) id += random[taken]!.toString(16).padStart(2, "0");
  return id === NO_SPAN ? newSpanId() : id;
}
