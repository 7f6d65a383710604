/** From what a parser yields, where aliases share parts, to a plain tree. */

import type { ConfigProblem } from "./config_error.ts";
import { childPath } from "../schema/describe.ts";
import { isMapping } from "./mapping.ts";

/** A tree of mappings, lists and scalars, of which no part is shared. */
export interface PlainTree {
  /** The root. */
  readonly value: unknown;
  /** What was wrong in it. */
  readonly problems: readonly ConfigProblem[];
  /** The texts in it that contain `${`. */
  readonly templates: readonly Template[];
}

/** A text in a tree that may contain placeholders. */
export interface Template {
  /** The text as it was written. */
  readonly text: string;
  /** Its path. */
  readonly path: string;
  /** Puts another text in its place. */
  readonly replace: (text: string) => void;
}

/** Any mapping or list of the copy. */
type Holder = Record<string | number, unknown>;

/** Not a name for anything, and in JavaScript a trap for whoever copies a mapping. */
const FORBIDDEN_KEY = "__proto__";
/** Takes over the keys of other mappings (https://yaml.org/type/merge.html). */
const MERGE_KEY = "<<";

/**
 * Copies what a parser yielded, and merges `<<`.
 *
 * @param value What the parser yielded, with its scalars resolved; its size must have been checked.
 * @param raw The same with every scalar as it was written; absent where that makes no difference.
 * @returns The copy. Scalars that would be written in another way now stay text: a header's `1.10` is not `1.1`.
 */
export function toPlainTree(value: unknown, raw?: unknown): PlainTree {
  const problems: ConfigProblem[] = [];
  const templates: Template[] = [];
  const keys: (string | number)[] = [];

  function copyInto(holder: Holder, key: string | number, value: unknown, raw: unknown): void {
    keys.push(key);
    if (Array.isArray(value)) {
      const list: unknown[] = holder[key] = [];
      value.forEach((item, index) => copyInto(list as unknown as Holder, index, item, inside(raw, index)));
    } else if (isMapping(value)) {
      copyEntries(holder[key] = {}, value, raw);
    } else {
      copyScalar(holder, key, value !== null && typeof raw === "string" && String(value) !== raw ? raw : value);
    }
    keys.pop();
  }

  /** What is there already wins: a mapping's own entries over merged ones, an earlier source over a later. */
  function copyEntries(target: Holder, source: Readonly<Record<string, unknown>>, raw: unknown): void {
    for (const key of Object.keys(source)) {
      if (key === FORBIDDEN_KEY) report(key, "cannot be a key");
      else if (key !== MERGE_KEY && !Object.hasOwn(target, key)) {
        copyInto(target, key, source[key], inside(raw, key));
      }
    }
    if (Object.hasOwn(source, MERGE_KEY)) merge(target, source[MERGE_KEY], inside(raw, MERGE_KEY));
  }

  function merge(target: Holder, source: unknown, raw: unknown): void {
    if (Array.isArray(source)) source.forEach((item, index) => merge(target, item, inside(raw, index)));
    else if (isMapping(source)) copyEntries(target, source, raw);
    else report(MERGE_KEY, "must be a mapping to merge, or a list of mappings");
  }

  function copyScalar(holder: Holder, key: string | number, value: unknown): void {
    holder[key] = value;
    if (typeof value === "string" && value.includes("${")) {
      templates.push({ text: value, path: pathTo(keys), replace: (text) => void (holder[key] = text) });
    }
  }

  function report(key: string, message: string): void {
    problems.push({ path: pathTo([...keys, key]), message });
  }

  const root: Holder = {};
  copyInto(root, "root", value, raw);
  return { value: root["root"], problems, templates };
}

/** The first key is that of the root itself. */
function pathTo(keys: readonly (string | number)[]): string {
  return keys.slice(1).reduce<string>(childPath, "");
}

function inside(raw: unknown, key: string | number): unknown {
  return typeof raw === "object" && raw !== null && Object.hasOwn(raw, key) ? (raw as Holder)[key] : undefined;
}
