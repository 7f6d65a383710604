/** Log lines for machines. */

import type { LogRecord } from "./log.ts";
import { printableJson } from "../lib/printable.ts";

/**
 * Formats a record as one line of JSON: `time`, `level` and `message`, then the record's own fields. A parser gets every
 * value back as it was; a terminal sees no control character.
 *
 * @param record The record.
 * @returns The line, without its line end.
 */
export function formatJson(record: LogRecord): string {
  const { timeMs, level, message, fields } = record;
  return printableJson(JSON.stringify({ time: new Date(timeMs).toISOString(), level, message, ...fields }));
}
