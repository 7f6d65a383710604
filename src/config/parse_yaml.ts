/** YAML configurations. */

import { parse, type ParseOptions } from "@std/yaml/parse";
import { checkBounds } from "./bounds.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { shorten } from "./describe.ts";
import { MAX_DEPTH } from "./limits.ts";
import { locateYaml } from "./locate.ts";
import type { ParsedText } from "./parse_json.ts";
import { type PlainTree, toPlainTree } from "./plain_tree.ts";

/** The parser makes an error with a stack for each of its warnings; a file full of them would take seconds. */
const MAX_WARNINGS = 1_000;

/**
 * The parser turns an alias that is used as a key into text, however long the list is that it stands for: the time grows
 * with the number of such keys times the length of the text. This product takes about half a second.
 */
const MAX_KEY_ALIAS_COST = 20_000_000;
/** Whatever could be an alias. */
const ALIAS = /(?<![^\s[{,:?-])\*[^\s,[\]{}]/g;
/** An alias that is certainly a value: after a colon, a dash or an opening bracket, with no colon behind it. */
const VALUE_ALIAS = /[:[-][ \t]*\*[^\s,[\]{}]+(?![^\s,[\]{}])(?![ \t]*:)/g;

/**
 * Parses a text as YAML 1.2 with its core schema, so that dates and the like stay text.
 *
 * @param text The text of a file.
 * @returns What it holds; `null` where that is nothing.
 * @throws {ConfigError} If the text is malformed, or its values are too many or too deep.
 */
export function parseYaml(text: string): ParsedText {
  if (countKeyAliases(text) * text.length > MAX_KEY_ALIAS_COST) {
    throw new ConfigError([{ path: "", message: "the file must not use aliases as keys" }]);
  }
  const tabLine = /^ *\t/m.test(text) ? locateYaml(text).tabLine : undefined;
  if (tabLine !== undefined) {
    throw new ConfigError([{ path: "", message: "the file must be indented with spaces: found a tab", line: tabLine }]);
  }
  let lines: ReadonlyMap<string, number> | undefined;
  const lineOf = (path: string) => (lines ??= locateYaml(text).lines).get(path);
  try {
    return { ...parseTree(text), lineOf };
  } catch (error) {
    throw toConfigError(error, text);
  }
}

function countKeyAliases(text: string): number {
  return (text.match(ALIAS)?.length ?? 0) - (text.match(VALUE_ALIAS)?.length ?? 0);
}

function parseTree(text: string): PlainTree {
  try {
    const value = parseWith(text, { schema: "core" });
    checkBounds(value);
    return toPlainTree(value, parseRaw(text));
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("duplicated key"))) throw error;
    // The file is refused, but what else is wrong in it is worth telling too.
    const value = parseWith(text, { schema: "core", allowDuplicateKeys: true });
    checkBounds(value);
    const tree = toPlainTree(value);
    return { ...tree, problems: [duplicateKey(error, text), ...tree.problems] };
  }
}

/** Scalars as they were written. Where there are tags, only the resolved values are to be had. */
function parseRaw(text: string): unknown {
  try {
    return parseWith(text, { schema: "failsafe" });
  } catch {
    return undefined;
  }
}

function parseWith(text: string, options: ParseOptions): unknown {
  let warnings = 0;
  return parse(text, {
    ...options,
    onWarning: (warning) => {
      if (++warnings > MAX_WARNINGS) throw warning;
    },
  });
}

function duplicateKey(error: Error, text: string): ConfigProblem {
  const { line } = splitMessage(error);
  const [path] = [...locateYaml(text).lines].findLast(([, candidate]) => candidate === line) ?? [""];
  return {
    path,
    message: path === "" ? "the file must have each key once: found one again" : "must be given once",
    ...line === undefined ? {} : { line },
  };
}

function toConfigError(error: unknown, text: string): ConfigError {
  if (error instanceof ConfigError) return error;
  if (error instanceof RangeError) {
    return new ConfigError([{ path: "", message: `the file must not have more than ${MAX_DEPTH} levels` }]);
  }
  const { reason, line } = splitMessage(error);
  return new ConfigError([{ path: "", message: explain(reason, text), ...line === undefined ? {} : { line } }]);
}

/** The parser's own message also shows the line, which may hold a secret. */
function splitMessage(error: unknown): { readonly reason: string; readonly line: number | undefined } {
  const message = error instanceof Error ? error.message : "";
  const [, reason = "it cannot be read", line] = /^(.*?)(?: at line (\d+), column \d+[\s\S]*)?$/.exec(message) ?? [];
  return { reason, line: line === undefined ? undefined : Number(line) };
}

function explain(reason: string, text: string): string {
  if (/more than 1 document/.test(reason)) return "the file must be one YAML document: found a second one";
  const cause = reason.replace(/^Cannot (?:[^:"]+: |resolve )/, "");
  return `the file must be valid ${/^\s*\{/.test(text) ? "JSON or YAML" : "YAML"}: ${shorten(cause, 200)}`;
}
