/** Lines of values in a YAML text, because the YAML parser does not keep positions. */

import { childPath } from "../schema/describe.ts";

/** An open mapping or list in block style. */
interface Frame {
  readonly kind: "mapping" | "list";
  readonly indent: number;
  readonly path: string;
  /** Entries of a list so far. */
  count: number;
  /** Path of the last entry while its value can still follow on later lines. */
  pending: string | undefined;
}

/** An unambiguous key: a plain word, or words in quotes. */
const KEY = /^(?:"([\w ./-]+)"|'([\w ./-]+)'|(\w[\w.-]*|<<))[ \t]*:(?=\s|$)/;
const ITEM = /^-(?=\s|$)[ ]*/;
/** Anchors and tags before a value. */
const PROPERTIES = /^(?:[&!]\S*(?:\s+|$))+/;
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g;
/** Beginnings of values that are not plain text, or can continue on the next line. */
const UNSURE = /^[?:%@`,\]}]|^-\s/;

/** Lines of a YAML text that are certain. */
export interface LocatedYaml {
  /** Lines by path, counted from 1. */
  readonly lines: ReadonlyMap<string, number>;
  /** First line indented with a tab. YAML forbids it, and parsers differ in reading it. */
  readonly tabLine: number | undefined;
}

/**
 * Finds the lines of values in block style in valid YAML. Stops at flow style or quotes over several lines and at
 * unusual keys: values after them have no line.
 */
export function locateYaml(text: string): LocatedYaml {
  const lines = new Map<string, number>();
  const stack: Frame[] = [];
  /** Deeper lines belong to a value that has already begun. */
  let valueIndent = Infinity;
  let number = 0;
  for (const line of text.split(/\r\n|[\r\n]/)) {
    number++;
    const indent = line.search(/[^ ]/);
    if (/^\s*(?:#|$)/.test(line) || indent > valueIndent) continue;
    if (line[indent] === "\t") return { lines, tabLine: number };
    valueIndent = Infinity;
    if (/^---\s*(?:#.*)?$/.test(line) && stack.length === 0) continue;
    if (/^(?:---|\.\.\.|%)/.test(line) || !readLine(line, indent)) break;
  }
  return { lines, tabLine: undefined };

  /** Reads the entries that begin on a line (`- - name: x` begins three). Returns false if they are ambiguous. */
  function readLine(line: string, indent: number): boolean {
    let column = indent;
    for (let item = ITEM.exec(line.slice(column)); item !== null; item = ITEM.exec(line.slice(column))) {
      if (!enter("list", column)) return false;
      column += item[0].length;
    }
    const rest = line.slice(column);
    const [all = "", ...names] = KEY.exec(rest) ?? [];
    const key = names.find((name) => name !== undefined);
    if (key !== undefined && !enter("mapping", column, key)) return false;
    return readValue(rest.slice(all.length).trimStart(), key === undefined ? column : Infinity);
  }

  /** Adds an entry to the collection that begins at a column, or to a new one. */
  function enter(kind: Frame["kind"], indent: number, key?: string): boolean {
    const isOver = (frame: Frame) =>
      frame.indent > indent || (frame.indent === indent && frame.kind === "list" && kind === "mapping");
    while (stack.length > 0 && isOver(stack.at(-1)!)) stack.pop();
    let frame = stack.at(-1);
    if (frame?.indent !== indent || frame.kind !== kind) {
      const path = frame === undefined && lines.size === 0 ? "" : frame?.pending;
      if (path === undefined) return false;
      if (frame !== undefined) frame.pending = undefined;
      frame = { kind, indent, path, count: 0, pending: undefined };
      stack.push(frame);
    }
    frame.pending = childPath(frame.path, key ?? frame.count++);
    lines.set(frame.pending, number);
    return true;
  }

  /** Reads the value after a key or a dash, or alone on its line. Returns false if its end is ambiguous. */
  function readValue(text: string, column: number): boolean {
    const value = text.replace(PROPERTIES, "");
    if (value === "" || value.startsWith("#")) return true;
    const frame = stack.at(-1);
    if (frame?.pending === undefined || column <= frame.indent) return false;
    frame.pending = undefined;
    valueIndent = frame.indent;
    if (/^["']/.test(value)) return /^(?:#.*)?$/.test(value.replace(QUOTED, "").trim());
    return /^[[{]/.test(value) ? isClosedFlow(value) : !UNSURE.test(value);
  }
}

function isClosedFlow(value: string): boolean {
  const brackets = value.replace(QUOTED, "").replace(/\s#.*$/, "").trim();
  if (/["'#]/.test(brackets)) return false;
  let depth = 0;
  for (const [index, character] of [...brackets].entries()) {
    if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth === 0) return index === brackets.length - 1;
  }
  return false;
}
