/**
 * Values after a secret name. Formats: `token=…` in queries, forms and texts; `"token": …` in JSON at any level of
 * quoting; `token: …` in lines; `;jsessionid=…` and `/reset-token/…` in paths; `--token …` in command lines.
 */

import { decodeName, isSecretName, isSecretParameter, NAMED_MEMBERS, NAMING_MEMBERS } from "./secret_names.ts";
import type { TextRange } from "./text_ranges.ts";

/** `=` and `:`, also percent-encoded within a parameter. */
const SEPARATOR = /[=:]|%(?:25){0,3}3[da]/gi;
/** Characters of names. A name is read backwards, until any other character. */
const NAME_CHARACTER = /[\w.$%+~@[\]\x80-\uffff-]/;
const MAX_NAME_LENGTH = 128;
const MAX_SPACES = 8;
const MAX_INDENT = 64;
const SPACE = /\s/;
/** Text before a name in an encoded URL, up to the last separator of that URL. */
const ENCODED_BEFORE = /^.*[?&#;/]/s;
/** Encoders for JSON in HTML write `&` as `\u0026`. */
const ESCAPED_SEPARATOR = /^u00(?:26|3[bf])/i;
const ESCAPE_LENGTH = 5;
const CLOSING = /["'<>`\n\r]/;
const JSON_END = /[,}\]\s]/;
/**
 * A value ends at a comma, semicolon or question mark only if another item follows, because secrets may contain these
 * characters.
 */
const NEXT_ITEM = /[,;](?:\s|$)|[,;?][\w.%-]{1,64}=/y;
/** Beginning of a YAML value in the lines below its name. */
const BLOCK = /[|>]?[+-]?\d?[ \t]*(?:\r?\n|$)/y;
const INDENTED_LINE = /(?:[ \t]*\r?\n)?([ \t]*)(?:- )?[^\r\n]*(?:\r?\n|$)/y;
const SEGMENT = /\/([^\s/?#"'<>&;=:,()\\]*)/g;
const MAX_SEGMENT_LENGTH = 256;
/** A member with a name, and the beginning of the member with its value; in JSON at any level of quoting. */
const NAMED_JSON = new RegExp(
  String.raw`["'](?:${NAMING_MEMBERS.join("|")})\\{0,8}["']\s{0,8}:\s{0,8}\\{0,8}["']([^"'\\]{3,64})\\{0,8}["']` +
    String.raw`\s{0,64},\s{0,64}\\{0,8}["'](?:${NAMED_MEMBERS.join("|")})\\{0,8}["']\s{0,8}:\s{0,8}`,
  "g",
);
/** The same in YAML. */
const NAMED_LINES = new RegExp(
  String.raw`(?<![\w-])(?:${NAMING_MEMBERS.join("|")}):[ \t]{1,8}["']?([\w.-]{3,64})["']?[ \t]{0,8}\r?\n` +
    String.raw`[ \t]{0,64}(?:${NAMED_MEMBERS.join("|")}):[ \t]{1,8}([^\r\n]+)`,
  "g",
);
const FLAG = /(?<![\w-])--([a-z][\w-]{0,63})[ \t]{1,8}(?!-)([^\s"'<>]+)/gi;
/** Mark of a secret that has already been redacted. */
const MARK = /\[redacted(?: [0-9a-f]{4}|, \d+ bytes?)?\]/y;
const SHORTEST_NAME = 3;
/** Quotes of JSON within an attribute of HTML. */
const ENTITIES = ["&quot;", "&#34;", "&#x22;", "&#39;", "&#x27;"];

/** Finds values after secret names, in time linear in the length of the text. */
export function findAssignedSecrets(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let hiddenUntil = 0;
  let lastEnd = 0;
  for (const { index, 0: separator } of text.matchAll(SEPARATOR)) {
    const valueStart = index + separator.length;
    if (index >= hiddenUntil && isSecretBefore(text, index, lastEnd)) {
      const range = valueOf(text, { nameEnd: index, start: valueStart, floor: lastEnd });
      ranges.push(range);
      hiddenUntil = range.end;
    }
    lastEnd = valueStart;
  }
  addNamed(text, ranges);
  addSegments(text, ranges);
  if (text.includes("--")) addFlags(text, ranges);
  return ranges;
}

/** Reports whether the name before a separator is secret. */
function isSecretBefore(text: string, separator: number, floor: number): boolean {
  const end = skipBack(text, separator, floor);
  const start = nameStart(text, end, floor);
  if (end - start < SHORTEST_NAME) return false;
  const raw = text.slice(start, end);
  const name = decodeName(raw);
  const isEscaped = text[start - 1] === "\\" && ESCAPED_SEPARATOR.test(raw);
  const inner = isEscaped ? name.slice(ESCAPE_LENGTH) : raw.includes("%") ? name.replace(ENCODED_BEFORE, "") : name;
  const isParameter = inner !== name || "?&#;".includes(text[start - 1] ?? " ") || startsText(text, start, separator);
  return isParameter ? isSecretParameter(inner) : isSecretName(inner);
}

/** Reports whether a name is the first field of a form: at the start of the text, and followed by `=`. */
function startsText(text: string, start: number, separator: number): boolean {
  return start === 0 && text[separator] === "=";
}

/** Skips spaces, quotes and their escapes between a name and its separator. */
function skipBack(text: string, from: number, floor: number): number {
  const lowest = Math.max(floor, from - 2 * MAX_SPACES);
  let at = from;
  while (at > lowest && /[\s"'`\\]/.test(text[at - 1]!)) at--;
  if (text[at - 1] !== ";") return at;
  const entity = ENTITIES.find((entity) => text.startsWith(entity, at - entity.length));
  return entity === undefined || at - entity.length < floor ? at : at - entity.length;
}

function nameStart(text: string, end: number, floor: number): number {
  const lowest = Math.max(floor, end - MAX_NAME_LENGTH);
  let at = end;
  while (at > lowest && NAME_CHARACTER.test(text[at - 1]!)) at--;
  return at;
}

interface QuotedRange extends TextRange {
  /** Index after the closing quote. */
  readonly after: number;
}

interface Assignment {
  /** Index of the separator. */
  readonly nameEnd: number;
  /** Index after the separator. */
  readonly start: number;
  /** Lowest index at which the name may begin. */
  readonly floor: number;
}

function valueOf(text: string, { nameEnd, start, floor }: Assignment): TextRange {
  const isColon = text[nameEnd] === ":";
  const isEncoded = text[nameEnd] === "%";
  let at = start;
  // `==`, `=>`, `:=`.
  while (at < start + 3 && (text[at] === "=" || text[at] === ">")) at++;
  const isQuotedName = /["'`]/.test(text[nameEnd - 1] ?? "") || SPACE.test(text[nameEnd - 1] ?? "");
  const beforeSpaces = at;
  while (at - beforeSpaces < MAX_SPACES && SPACE.test(text[at] ?? "") && (isQuotedName || !isLineEnd(text[at]!))) at++;
  const quoted = quotedValue(text, at);
  MARK.lastIndex = quoted?.start ?? at;
  if (MARK.test(text)) return { start: MARK.lastIndex, end: MARK.lastIndex };
  if (quoted !== undefined) return quoted;
  const entity = text[at] === "&" ? ENTITIES.find((entity) => text.startsWith(entity, at)) : undefined;
  if (entity !== undefined) {
    const end = text.indexOf(entity, at + entity.length);
    return { start: at + entity.length, end: end === -1 ? text.length : end };
  }
  if (text[at] === "{" || text[at] === "[") return { start: at, end: closedAt(text, at) };
  if (isEncoded) return { start: at, end: endAt(text, at, /%(?:25){0,3}(?:26|23)|[\s&"'<>`]/gi) };
  if (!isColon) return { start: at, end: endOfItem(text, at, /[\s&"'<>`]/) };
  if (text[nameEnd - 1] === '"') return { start: at, end: endAt(text, at, new RegExp(JSON_END, "g")) };
  const nameAt = nameStart(text, skipBack(text, nameEnd, floor), floor);
  const indent = indentBefore(text, nameAt);
  if (indent !== undefined) {
    const block = blockEnd(text, at, indent);
    return { start: at, end: block ?? endAt(text, at, /[\r\n]/g) };
  }
  return { start: at, end: endOfItem(text, at, at === beforeSpaces ? /[\s&"'<>`]/ : CLOSING) };
}

/** Counts the characters between the start of a line and its first name; `undefined` if the name is not the first. */
function indentBefore(text: string, nameAt: number): number | undefined {
  let at = nameAt;
  while (at > 0 && nameAt - at < MAX_INDENT && /[ \t>*-]/.test(text[at - 1]!)) at--;
  return at === 0 || isLineEnd(text[at - 1]!) ? nameAt - at : undefined;
}

function isLineEnd(character: string): boolean {
  return character === "\n" || character === "\r";
}

/**
 * Finds a quoted value. Its closing quote has as many escapes as the opening one; quotes with more escapes belong to
 * the value. A value without a closing quote ends with the text.
 */
function quotedValue(text: string, at: number): QuotedRange | undefined {
  let open = at;
  while (text[open] === "\\" && open - at < MAX_SPACES) open++;
  const quote = text[open];
  if (quote !== '"' && quote !== "'" && quote !== "`") return undefined;
  const escapes = open - at;
  let backslashes = 0;
  for (let index = open + 1; index < text.length; index++) {
    const character = text[index];
    if (character === "\\") {
      backslashes++;
      continue;
    }
    const isClosing = escapes === 0 ? backslashes % 2 === 0 : backslashes <= escapes;
    if (character === quote && isClosing) {
      return { start: open + 1, end: index - Math.min(backslashes, escapes), after: index + 1 };
    }
    backslashes = 0;
  }
  return { start: open + 1, end: text.length, after: text.length };
}

/** Finds the end of a JSON container; the end of the text if it is cut off. Brackets in strings do not count. */
function closedAt(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) return at + 1;
    } else if (character === '"' || character === "\\") {
      at = (quotedValue(text, at)?.after ?? at + 1) - 1;
    }
  }
  return text.length;
}

function endAt(text: string, from: number, end: RegExp): number {
  end.lastIndex = from;
  return end.exec(text)?.index ?? text.length;
}

function endOfItem(text: string, from: number, end: RegExp): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (end.test(character)) return at;
    if (character !== "," && character !== ";" && character !== "?") continue;
    NEXT_ITEM.lastIndex = at;
    if (NEXT_ITEM.test(text)) return at;
  }
  return text.length;
}

/** Finds the end of a value in the lines below its name, which have a deeper indent; `undefined` if there is none. */
function blockEnd(text: string, from: number, indent: number): number | undefined {
  BLOCK.lastIndex = from;
  const header = BLOCK.exec(text);
  if (header === null) return undefined;
  let end = from + header[0].length;
  const first = end;
  for (;;) {
    INDENTED_LINE.lastIndex = end;
    const line = INDENTED_LINE.exec(text);
    if (line === null || line[0] === "" || line[1]!.length <= indent) break;
    end += line[0].length;
  }
  if (end === first) return undefined;
  // The last line end is not part of the value.
  while (end > first && isLineEnd(text[end - 1]!)) end--;
  return end;
}

/** Adds values whose names are in the member before: `{"name": "password", "value": "…"}`. */
function addNamed(text: string, ranges: TextRange[]): void {
  let hiddenUntil = 0;
  for (const { index, 0: found, 1: name = "" } of text.matchAll(NAMED_JSON)) {
    // Inside a hidden value. To search again for its end would take quadratic time in containers that never end.
    if (index < hiddenUntil || !isSecretName(name)) continue;
    const start = index + found.length;
    const range = quotedValue(text, start) ?? { start, end: unquotedEnd(text, start) };
    hiddenUntil = range.end;
    ranges.push(range);
  }
  for (const { index, 0: found, 1: name = "", 2: value = "" } of text.matchAll(NAMED_LINES)) {
    const end = index + found.length;
    if (isSecretName(name)) ranges.push({ start: end - value.length, end });
  }
}

function unquotedEnd(text: string, start: number): number {
  return text[start] === "{" || text[start] === "[" ? closedAt(text, start) : endAt(text, start, /[,}\]\s]/g);
}

function addFlags(text: string, ranges: TextRange[]): void {
  for (const { index, 0: found, 1: name = "", 2: value = "" } of text.matchAll(FLAG)) {
    const end = index + found.length;
    if (isSecretName(name)) ranges.push({ start: end - value.length, end });
  }
}

/**
 * Adds path segments after the name of a secret, such as `/reset-token/8c6e01`, but not words as in `/token/refresh`.
 */
function addSegments(text: string, ranges: TextRange[]): void {
  let previous = "";
  let previousEnd = -1;
  for (const { index, 0: found, 1: segment = "" } of text.matchAll(SEGMENT)) {
    const end = index + found.length;
    const isRandom = (segment.length > 2 && /\d/.test(segment)) || segment.length >= 20;
    if (isRandom && index === previousEnd && isSecretName(decodeName(previous))) ranges.push({ start: index + 1, end });
    // After `//` stands a host, not a name.
    const isHost = text[index - 1] === "/";
    previous = isHost || segment.length > MAX_SEGMENT_LENGTH ? "" : segment;
    previousEnd = end;
  }
}
