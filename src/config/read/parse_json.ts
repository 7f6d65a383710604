/** JSON configurations. */

import { checkBounds } from "./bounds.ts";
import { type PlainTree, toPlainTree } from "./plain_tree.ts";
import { scanJson } from "./scan_json.ts";

/** A parsed text. */
export interface ParsedText extends PlainTree {
  /** The line of a value, counted from 1; `undefined` where it cannot be told for sure. */
  readonly lineOf: (path: string) => number | undefined;
}

/**
 * Parses a text as JSON.
 *
 * @param text The text of a file.
 * @returns What it holds, or `undefined` where it is no JSON object; it may be YAML all the same.
 * @throws {ConfigError} If the values are too many or too deep.
 */
export function parseJson(text: string): ParsedText | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  checkBounds(json);
  const tree = toPlainTree(json);
  const { lines, duplicates } = scanJson(text);
  return { ...tree, problems: [...tree.problems, ...duplicates], lineOf: (path) => lines.get(path) };
}
