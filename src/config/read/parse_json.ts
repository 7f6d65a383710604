/** JSON configurations, with the lines of values and repeated keys, which `JSON.parse` does not report. */

import { childPath } from "../schema/describe.ts";
import { checkBounds } from "./bounds.ts";
import type { ConfigProblem } from "./config_error.ts";
import { type PlainTree, toPlainTree } from "./plain_tree.ts";

/** A parsed text. */
export interface ParsedText extends PlainTree {
  /** Line of a value, from 1; `undefined` if it is not certain. */
  readonly lineOf: (path: string) => number | undefined;
}

/** Result of {@linkcode scanJson}. */
export interface JsonScan {
  /** Line of every value by path, from 1. */
  readonly lines: ReadonlyMap<string, number>;
  /** Keys that repeat an earlier one of the same mapping. */
  readonly duplicates: readonly ConfigProblem[];
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:\n]|[^\s"{}[\],:]+/g;

interface Frame {
  readonly path: string;
  /** The keys so far; `undefined` for a list. */
  readonly keys: Set<string> | undefined;
  key: string | number;
}

/** Parses a JSON object. Returns `undefined` for other text, which may still be YAML. */
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

/** Finds lines and repeated keys in a text that `JSON.parse` accepts and {@linkcode checkBounds} has bounded. */
export function scanJson(text: string): JsonScan {
  const lines = new Map<string, number>();
  const duplicates: ConfigProblem[] = [];
  const stack: Frame[] = [];
  let line = 1;
  let expectsKey = false;

  function pathHere(): string {
    const frame = stack.at(-1);
    return frame === undefined ? "" : childPath(frame.path, frame.key);
  }

  for (const [token] of text.matchAll(TOKEN)) {
    const frame = stack.at(-1);
    if (token === "\n") line++;
    else if (token === ":") expectsKey = false;
    else if (token === "}" || token === "]") stack.pop();
    else if (token === ",") {
      if (typeof frame?.key === "number") frame.key++;
      expectsKey = frame?.keys !== undefined;
    } else if (expectsKey && frame?.keys !== undefined) {
      frame.key = JSON.parse(token) as string;
      if (frame.keys.has(frame.key)) duplicates.push({ path: pathHere(), message: "must be given once", line });
      frame.keys.add(frame.key);
      lines.set(pathHere(), line);
    } else {
      if (frame !== undefined && frame.keys === undefined) lines.set(pathHere(), line);
      if (token === "{") stack.push({ path: pathHere(), keys: new Set(), key: "" });
      if (token === "[") stack.push({ path: pathHere(), keys: undefined, key: 0 });
      expectsKey = token === "{";
    }
  }
  return { lines, duplicates };
}
