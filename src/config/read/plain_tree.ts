/** Plain trees, copied from the output of a parser, where aliases share parts. */

import { childPath } from "../schema/describe.ts";
import { isExtensionKey, isMapping } from "../schema/value_type.ts";
import type { ConfigProblem } from "./config_error.ts";

/** A tree of mappings, lists and scalars without shared parts. */
export interface PlainTree {
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Texts that contain `${`. */
  readonly templates: readonly Template[];
}

/** A text that may contain placeholders. */
export interface Template {
  readonly text: string;
  readonly path: string;
  /** Replaces the text in the tree. */
  readonly replace: (text: string) => void;
}

/** A mapping or list of the copy. */
type Holder = Record<string | number, unknown>;

/** Assigning to this key would change the prototype of the copy. */
const FORBIDDEN_KEY = "__proto__";
/** Merges the keys of other mappings (https://yaml.org/type/merge.html). */
const MERGE_KEY = "<<";

/**
 * Copies a parsed value of checked size, and merges `<<`. `raw` is the same value with every scalar as written: scalars
 * that resolving would change stay text, so a header's `1.10` does not become `1.1`. Keys of the top level that begin
 * with `x-` are left out: their placeholders need no value, unless an alias refers to them.
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

  /** Copies entries that do not exist yet: own entries win over merged ones, earlier sources over later ones. */
  function copyEntries(target: Holder, source: Readonly<Record<string, unknown>>, raw: unknown): void {
    for (const key of Object.keys(source)) {
      if (key === FORBIDDEN_KEY) report(key, "cannot be a key");
      else if (keys.length === 1 && isExtensionKey(key)) continue;
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

/** Skips the first key, which is that of the root. */
function pathTo(keys: readonly (string | number)[]): string {
  return keys.slice(1).reduce<string>(childPath, "");
}

function inside(raw: unknown, key: string | number): unknown {
  return typeof raw === "object" && raw !== null && Object.hasOwn(raw, key) ? (raw as Holder)[key] : undefined;
}
