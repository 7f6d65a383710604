/** Captured responses, and the types of their bodies. */

import type { HeaderLine } from "../config/config.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";

/** The part of a body after the bytes that were kept. */
export interface BodyRest {
  /** Number of bytes. */
  readonly length: number;
  /** Keyed digest of the bytes. Digests of the same engine are comparable. */
  readonly digest: string;
}

/** A captured body. */
export interface CapturedBody {
  /** The first bytes, at most `maxBody`, without content coding. Empty if `cut` is set. */
  readonly bytes: Uint8Array;
  /** The bytes that follow. Absent: there are none. */
  readonly rest?: BodyRest;
  /** Length of the body as sent, in bytes. If `cut` is set, length of the part that arrived. */
  readonly length: number;
  /** True if the body could not be kept or decoded. */
  readonly cut: boolean;
  /** Reason for the cut. Default: `too-large`. */
  readonly cutBy?: NotComparableReason;
  /** True if the bytes do not have the coding of the response, or are incomplete. Clients cannot decode them either. */
  readonly isBroken?: boolean;
  /** Digest of the body as sent. Present only if `cut` is set and the whole body arrived. */
  readonly digest?: string;
}

/** A captured response. */
export interface CapturedResponse {
  readonly status: number;
  /** Header lines as received. */
  readonly headers: readonly HeaderLine[];
  /** The body; `undefined` if the response has none, or if it broke off. */
  readonly body: CapturedBody | undefined;
  /** Close code of a WebSocket; absent for other responses, and if conductor closed it. */
  readonly closeCode?: number | undefined;
  /** Time from the start of the attempt to the response head, in milliseconds. */
  readonly durationMs: number;
  /** Time from the start of the attempt to the end of the body, in milliseconds. Absent: unknown, or no whole body. */
  readonly totalMs?: number | undefined;
  /** Time from the start of the attempt until conductor stopped to read the body, because of a timeout. Absent: it did not. */
  readonly cutOffMs?: number | undefined;
  /** True if the body reports errors whatever the status is, as in GraphQL. */
  readonly hasErrors?: boolean;
}

/** Outcome of one attempt: a response, or a failure. */
export type CapturedOutcome =
  | { readonly ok: true; readonly response: CapturedResponse }
  | { readonly ok: false; readonly kind: FailureKind; readonly durationMs: number };

/** Format as which a body is compared. */
export type ResponseFormat = "json" | "json-lines" | "form" | "html" | "xml" | "text" | "binary" | "unknown";

/** Type of a body, from the content type of its response. */
export interface BodyType {
  /** `unknown` if the response has no content type. */
  readonly format: ResponseFormat;
  /** Character set; `undefined` if the content type names none. */
  readonly charset: string | undefined;
}

const JSON_LINES = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
  "application/json-seq",
]);
const TEXTS = /^(?:text\/.+|application\/(?:javascript|ecmascript|graphql|yaml|x-yaml|toml|sql|x-sh))$/;

/** Maximum parts of a content type that are read. A charset after them is ignored. */
const MAX_PARAMETERS = 16;

/** Returns the type of a body from the header lines of its response. */
export function bodyTypeOf(headers: readonly HeaderLine[]): BodyType {
  const line = headers.find(([name]) => name.length === 12 && name.toLowerCase() === "content-type");
  const [essence = "", ...parameters] = (line?.[1] ?? "").toLowerCase().split(";", MAX_PARAMETERS);
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/.exec(parameter)?.[1])
    .find((name) => name !== undefined);
  return { format: formatOf(essence.trim()), charset };
}

function formatOf(type: string): ResponseFormat {
  if (type === "") return "unknown";
  if (type === "application/json" || type === "text/json" || type.endsWith("+json")) return "json";
  if (JSON_LINES.has(type) || type.endsWith("+json-seq")) return "json-lines";
  if (type === "application/x-www-form-urlencoded") return "form";
  if (type === "text/html" || type === "application/xhtml+xml") return "html";
  if (type === "text/xml" || type === "application/xml" || type.endsWith("+xml")) return "xml";
  return TEXTS.test(type) ? "text" : "binary";
}

/**
 * Decodes bytes as text, without a byte order mark. Returns `undefined` if the bytes are invalid in the character set,
 * or if the character set is unknown. With `stream`, a character that is cut off at the end is left out.
 */
export function decodeText(
  bytes: Uint8Array,
  charset: string = "utf-8",
  options: TextDecodeOptions = {},
): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes, options);
  } catch {
    return undefined;
  }
}

/** Returns the length of a body without content coding. */
export function contentLength({ bytes, rest }: CapturedBody): number {
  return bytes.length + (rest?.length ?? 0);
}

/** Describes the size of a body: `12 bytes`, with the reason and the digest if the body was cut. */
export function sizeOf({ length, cut, cutBy = "too-large", digest }: CapturedBody): string {
  const size = `${length} ${length === 1 ? "byte" : "bytes"}`;
  if (!cut) return size;
  return digest === undefined ? `at least ${size} (${cutBy})` : `${size} (${cutBy}), digest ${digest}`;
}
