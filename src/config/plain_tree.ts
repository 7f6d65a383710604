/** From what a parser yields, where aliases share parts and may even loop, to a plain tree of bounded size. */

import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { childPath } from "./describe.ts";
import { MAX_DEPTH, MAX_TOTAL_LENGTH, MAX_VALUES } from "./limits.ts";
import { isMapping } from "./mapping.ts";

/** A tree of mappings, lists and scalars, of which no part is shared. */
export interface PlainTree {
  /** The root. */
  readonly value: unknown;
  /** What was wrong in it. */
  readonly problems: readonly ConfigProblem[];
}

/** Not a name for anything, and in JavaScript a trap for whoever copies a mapping. */
const FORBIDDEN_KEY = "__proto__";
/** Takes over the keys of other mappings. */
const MERGE_KEY = "<<";

/**
 * Copies what a parser yielded, and merges `<<`.
 *
 * @param value What the parser yielded, with its scalars resolved.
 * @param raw The same with every scalar as it was written; absent where that makes no difference.
 * @returns The copy. Scalars that would be written in another way now stay text: a header's `1.10` is not `1.1`.
 * @throws {ConfigError} If the tree is too deep or too large.
 */
export function toPlainTree(value: unknown, raw?: unknown): PlainTree {
  const problems: ConfigProblem[] = [];
  let count = 0;
  let length = 0;

  function copy(value: unknown, raw: unknown, path: string, depth: number): unknown {
    if (++count > MAX_VALUES) throw tooMuch(`more than ${MAX_VALUES} values, counting what aliases repeat`);
    if (depth > MAX_DEPTH) throw tooMuch(`more than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      const rawItems = Array.isArray(raw) ? raw : [];
      return value.map((item, index) => copy(item, rawItems[index], childPath(path, index), depth + 1));
    }
    if (isMapping(value)) return copyMapping(value, raw, path, depth);
    const scalar = toScalar(value, raw);
    if (typeof scalar === "string") length += scalar.length;
    if (length > MAX_TOTAL_LENGTH) {
      throw tooMuch(`more than ${MAX_TOTAL_LENGTH} characters, counting what aliases repeat`);
    }
    return scalar;
  }

  function copyMapping(value: Readonly<Record<string, unknown>>, raw: unknown, path: string, depth: number): unknown {
    const rawValues = isMapping(raw) ? raw : {};
    const target: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      if (key === MERGE_KEY) continue;
      const inner = childPath(path, key);
      if (key === FORBIDDEN_KEY) problems.push({ path: inner, message: "cannot be a key" });
      else target[key] = copy(value[key], ownValue(rawValues, key), inner, depth + 1);
    }
    if (Object.hasOwn(value, MERGE_KEY)) merge(target, value[MERGE_KEY], ownValue(rawValues, MERGE_KEY), path, depth);
    return target;
  }

  /** What is there already wins, and the first source over the next (https://yaml.org/type/merge.html). */
  function merge(target: Record<string, unknown>, source: unknown, raw: unknown, path: string, depth: number): void {
    if (Array.isArray(source)) {
      const rawItems = Array.isArray(raw) ? raw : [];
      source.forEach((item, index) => merge(target, item, rawItems[index], path, depth + 1));
    } else if (isMapping(source)) {
      const copied = copy(source, raw, path, depth + 1) as Record<string, unknown>;
      for (const key of Object.keys(copied)) if (!Object.hasOwn(target, key)) target[key] = copied[key];
    } else {
      problems.push({ path: childPath(path, MERGE_KEY), message: "must be a mapping to merge, or a list of mappings" });
    }
  }

  return { value: copy(value, raw, "", 0), problems };
}

function tooMuch(what: string): ConfigError {
  return new ConfigError([{ path: "", message: `the file must not have ${what}` }]);
}

function ownValue(mapping: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}

function toScalar(value: unknown, raw: unknown): unknown {
  return value !== null && typeof raw === "string" && String(value) !== raw ? raw : value;
}
