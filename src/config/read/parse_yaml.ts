/** YAML configurations. */

import { parse, type ParseOptions } from "@std/yaml/parse";
import { checkBounds, MAX_DEPTH } from "./bounds.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { locateYaml } from "./locate.ts";
import type { ParsedText } from "./parse_json.ts";
import { type PlainTree, toPlainTree } from "./plain_tree.ts";

/** The parser creates an error with a stack for each warning, so a file full of warnings would take seconds. */
const MAX_WARNINGS = 1_000;

/**
 * Maximum number of aliases as keys, times the length of the text. The parser converts each such alias to text, however
 * long its value is. This product takes about half a second.
 */
const MAX_KEY_ALIAS_COST = 20_000_000;
/** Possible aliases. */
const ALIAS = /(?<![^\s[{,:?-])\*[^\s,[\]{}]/g;
/** Aliases that are certainly values: after a colon, a dash or an opening bracket, and not before a colon. */
const VALUE_ALIAS = /[:[-][ \t]*\*[^\s,[\]{}]+(?![^\s,[\]{}])(?![ \t]*:)/g;

/** Beginnings of parser messages that quote the text, each with a text for the rule that quotes nothing. */
const QUOTING_RULES: readonly (readonly [start: string, rule: string])[] = [
  ["Cannot read alias: unidentified alias", "an alias must name an anchor that comes before it"],
  ["Cannot resolve unknown tag", "a tag must be one of the core schema, and fit its value"],
  ["Cannot resolve a node with", "a tag must be one of the core schema, and fit its value"],
  ["Unacceptable node kind", "a tag must be one of the core schema, and fit its value"],
  ["Cannot read tag property: invalid characters", "a tag must not contain invalid characters"],
  ["Cannot read tag property: undeclared tag handle", "the handle of a tag must be declared"],
  ["Cannot handle tag directive: ill-formed handle", "a %TAG directive must have a well-formed handle"],
  ["Cannot handle tag directive: previously declared", "a %TAG directive must not declare a handle twice"],
  ["Expected valid JSON character", "a quoted text must not contain control characters"],
  ["unknown document directive", "a directive must be %YAML or %TAG"],
];
/** Matches messages that quote nothing: only words before the position. */
const PLAIN_RULE = /^(?:Cannot (?:[A-Za-z ]+: )?)?([A-Za-z0-9 ,:%()-]+?) at line \d+, column \d+(?:$|:\n)/;

/**
 * Parses a text as YAML 1.2 with its core schema, so that dates and the like stay text. Throws a {@linkcode
 * ConfigError} if the text is malformed or exceeds the bounds.
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
    // The file is rejected, but its other problems are reported with the first one.
    const value = parseWith(text, { schema: "core", allowDuplicateKeys: true });
    checkBounds(value);
    const tree = toPlainTree(value);
    return { ...tree, problems: [duplicateKey(error, text), ...tree.problems] };
  }
}

/** Returns scalars as written, or `undefined` if the text has tags, which this schema does not resolve. */
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
    message: path === "" ? "the file must have each key once: found a repeated key" : "must be given once",
    ...line === undefined ? {} : { line },
  };
}

function toConfigError(error: unknown, text: string): ConfigError {
  if (error instanceof ConfigError) return error;
  if (error instanceof RangeError) {
    return new ConfigError([{ path: "", message: `the file must not have more than ${MAX_DEPTH} levels` }]);
  }
  const { rule, line } = splitMessage(error);
  return new ConfigError([{ path: "", message: explain(rule, text), ...line === undefined ? {} : { line } }]);
}

/** Extracts the rule and the line from a parser message. The rest quotes the text, which may contain secrets. */
function splitMessage(error: unknown): { readonly rule: string; readonly line: number | undefined } {
  const message = error instanceof Error ? error.message : "";
  const [, line] = / at line (\d+), column \d+(?:$|:\n)/.exec(message) ?? [];
  const [, quoting] = QUOTING_RULES.find(([start]) => message.startsWith(start)) ?? [];
  const [, plain = "it cannot be parsed"] = PLAIN_RULE.exec(message) ?? [];
  return { rule: quoting ?? plain, line: line === undefined ? undefined : Number(line) };
}

function explain(rule: string, text: string): string {
  if (rule.startsWith("Found more than 1 document")) return "the file must be one YAML document: found a second one";
  return `the file must be valid ${/^\s*\{/.test(text) ? "JSON or YAML" : "YAML"}: ${rule}`;
}
