/** What the flags of `explain` say about a request. */

import type { HeaderLine } from "../config/config.ts";
import { InputPath } from "../config/read/input_path.ts";
import { size } from "../config/schema/quantity.ts";
import { networkOf } from "../http/client_address.ts";
import { UsageError } from "./usage_error.ts";

const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*$/;

/**
 * Reads `--header`.
 *
 * @param text For example `X-User: ada`.
 * @returns The header line.
 * @throws {UsageError} Where it is none.
 */
export function headerFrom(text: string): HeaderLine {
  const [, name, value = ""] = HEADER.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`Cannot use "${text}" as a header as it must be like "X-User: ada"`);
  return [name, value];
}

/**
 * Reads `--body-size`.
 *
 * @param text For example `64KiB`.
 * @returns Bytes; `undefined` where the flag was not given.
 * @throws {UsageError} Where it is no size.
 */
export function bodyBytesFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = size({ min: "0B" }).parse(text, new InputPath({ source: undefined, problems: [], warnings: [] }));
  if (bytes !== undefined) return bytes;
  throw new UsageError(`Cannot use "${text}" as a size as it must be in bytes, or like 64KiB or 10MiB`);
}

/**
 * Reads `--client`.
 *
 * @param text An IP address.
 * @returns The address; `undefined` where the flag was not given.
 * @throws {UsageError} Where it is none.
 */
export function clientFrom(text: string | undefined): string | undefined {
  if (text === undefined || networkOf(text) !== undefined) return text;
  throw new UsageError(`Cannot use "${text}" as a client as it must be an IP address`);
}
