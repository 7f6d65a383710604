/** How a body is compared: its content type decides. */

import type { HeaderLine } from "../config/config.ts";

/** What a body is compared as. */
export type ResponseFormat = "json" | "json-lines" | "form" | "markup" | "text" | "binary" | "unknown";

/** What is said about a body. */
export interface BodyType {
  /** How it is compared; `unknown` where no content type is given. */
  readonly format: ResponseFormat;
  /** The character set that the content type names. */
  readonly charset: string | undefined;
}

const JSON_LINES = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
]);
const TEXTS = /^(?:text\/.+|application\/(?:javascript|ecmascript|graphql|yaml|x-yaml|toml|sql|x-sh))$/;

/** Maximum parts of a content type that are read. A charset after them is ignored. */
const MAX_PARAMETERS = 16;

/**
 * Reads the content type.
 *
 * @param headers The header lines.
 * @returns What it says.
 */
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
  if (JSON_LINES.has(type)) return "json-lines";
  if (type === "application/x-www-form-urlencoded") return "form";
  if (type === "text/html" || type === "text/xml" || type === "application/xml" || type.endsWith("+xml")) {
    return "markup";
  }
  return TEXTS.test(type) ? "text" : "binary";
}

/**
 * Reads bytes as text.
 *
 * @param bytes The bytes.
 * @param charset Their character set. Default: UTF-8.
 * @returns The text, without a byte order mark; `undefined` where the bytes are none in that character set.
 */
export function decodeText(bytes: Uint8Array, charset = "utf-8"): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
