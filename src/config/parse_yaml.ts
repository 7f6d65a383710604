/** YAML configurations. */

import { parse } from "@std/yaml/parse";
import { ConfigError } from "./config_error.ts";
import { quote, shorten } from "./describe.ts";
import { MAX_DEPTH } from "./limits.ts";
import { locateYaml } from "./locate.ts";
import type { ParsedText } from "./parse_json.ts";
import { toPlainTree } from "./plain_tree.ts";

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
  const tree = toPlainTree(parseWith("core", text), parseRaw(text));
  let lines: ReadonlyMap<string, number> | undefined;
  return { ...tree, lineOf: (path) => (lines ??= locateYaml(text)).get(path) };
}

function countKeyAliases(text: string): number {
  return (text.match(ALIAS)?.length ?? 0) - (text.match(VALUE_ALIAS)?.length ?? 0);
}

/** Scalars as they were written. Where there are tags, only the resolved values are to be had. */
function parseRaw(text: string): unknown {
  try {
    return parseWith("failsafe", text);
  } catch {
    return undefined;
  }
}

function parseWith(schema: "core" | "failsafe", text: string): unknown {
  let warnings = 0;
  try {
    return parse(text, {
      schema,
      onWarning: (warning) => {
        if (++warnings > MAX_WARNINGS) throw warning;
      },
    });
  } catch (error) {
    throw toConfigError(error, text);
  }
}

/** The parser's own message shows the line, which may hold a secret. */
function toConfigError(error: unknown, text: string): ConfigError {
  if (error instanceof RangeError) {
    return new ConfigError([{ path: "", message: `the file must not have more than ${MAX_DEPTH} levels` }]);
  }
  const message = error instanceof Error ? error.message : "";
  const [, reason = "it cannot be read", lineText] = /^(.*?)(?: at line (\d+), column \d+[\s\S]*)?$/.exec(message) ??
    [];
  const line = lineText === undefined ? {} : { line: Number(lineText) };
  return new ConfigError([{ path: "", message: explain(reason, text, line.line), ...line }]);
}

function explain(reason: string, text: string, line: number | undefined): string {
  if (/more than 1 document/.test(reason)) return "the file must be one YAML document: found a second one";
  if (/duplicated key/.test(reason)) {
    const found = /^[\s-]*"?([\w-]+)"?\s*:/.exec(text.split(/\r\n|[\r\n]/, line)[(line ?? 0) - 1] ?? "");
    return `a key must be given once: found ${found ? quote(found[1]!) : "one"} again`;
  }
  const cause = reason.replace(/^Cannot (?:[^:"]+: |resolve )/, "");
  return `the file must be valid ${/^\s*\{/.test(text) ? "JSON or YAML" : "YAML"}: ${shorten(cause, 200)}`;
}
