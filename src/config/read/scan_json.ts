/** Where things are in a JSON text, and which keys are there twice: `JSON.parse` tells neither. */

import type { ConfigProblem } from "./config_error.ts";
import { childPath } from "../schema/describe.ts";

/** What a scan finds. */
export interface JsonScan {
  /** The line of every value by its path, counted from 1. */
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

/**
 * Walks through a JSON text.
 *
 * @param text A text that `JSON.parse` accepts, nested no deeper than a configuration may be.
 * @returns Lines and duplicates.
 */
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
