/**
 * Paths into a response, for rules of the configuration and for differences in reports: `status`, `outcome`, `body`,
 * `closeCode`, `header:NAME`, `form:NAME`, and JSON paths like `$.items[*]["unit price"]`. JSON paths are a part of RFC
 * 9535: names, wildcards and descendants. An index is always `[*]`.
 */

/** One step of a JSON path. */
export interface PathStep {
  /** True if the step matches at any depth (`..`), not only in the next level. */
  readonly isDeep: boolean;
  /** Key to match; `undefined`: any key or element. */
  readonly key: string | undefined;
}

/** The part of a response that a rule applies to. */
export type BodyPath =
  | { readonly kind: "status" | "outcome" | "body" | "closeCode" }
  | { readonly kind: "header" | "form"; /** `*` matches any characters. */ readonly name: string }
  | { readonly kind: "json"; readonly steps: readonly PathStep[] };

/** An element of an array, whatever its index. */
export const ELEMENT: unique symbol = Symbol("element");

/** A key of an object, or an element of an array, on the way to a value. */
export type Segment = string | typeof ELEMENT;

/** Error in a path. */
export interface PathFault {
  /** Expected text and its position. */
  readonly fault: string;
}

const PLAIN_NAME = /[A-Za-z_$\u0080-\uffff][\w$\-\u0080-\uffff]*/y;
const WHOLE_PLAIN_NAME = /^[A-Za-z_][\w-]{0,99}$/;
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** {@linkcode matchesSteps} needs one bit for each step and one for the start. */
const MAX_STEPS = 30;
/** Limits memory and output, because keys come from backends. */
const MAX_KEY_LENGTH = 100;

/**
 * Parses a path.
 *
 * @example Usage
 * ```ts ignore
 * parseBodyPath("$..updatedAt"); // { kind: "json", steps: [{ isDeep: true, key: "updatedAt" }] }
 * ```
 */
export function parseBodyPath(text: string): BodyPath | PathFault {
  if (text === "status" || text === "outcome" || text === "body" || text === "closeCode") return { kind: text };
  const [, kind, name = ""] = /^(header|form):(.*)$/s.exec(text) ?? [];
  if (kind === "form") return name === "" ? { fault: 'a name after "form:"' } : { kind, name };
  if (kind === "header") {
    return FIELD_NAME.test(name) ? { kind, name: name.toLowerCase() } : { fault: 'a header name after "header:"' };
  }
  if (text.startsWith("$")) return parseSteps(text);
  return {
    fault: '"status", "outcome", "body", "closeCode", "header:NAME", "form:NAME" or a path that begins with "$"',
  };
}

function parseSteps(text: string): BodyPath | PathFault {
  const steps: PathStep[] = [];
  let at = 1;
  while (at < text.length) {
    if (steps.length === MAX_STEPS) return { fault: `at most ${MAX_STEPS} steps` };
    const isDeep = text.startsWith("..", at);
    const isBracket = text.startsWith("[", isDeep ? at + 2 : at);
    if (!isBracket && text[at] !== ".") return { fault: `"." or "[" at position ${at + 1}` };
    at += (isDeep ? 2 : isBracket ? 0 : 1) + (isBracket ? 1 : 0);
    const name = readName(text, at, isBracket);
    if (name === undefined) {
      return {
        fault: isBracket ? `"*" or a quoted key at position ${at + 1}` : `a name or "*" at position ${at + 1}`,
      };
    }
    steps.push({ isDeep, key: name.key });
    at = name.end;
    if (!isBracket) continue;
    if (text[at] !== "]") return { fault: `"]" at position ${at + 1}` };
    at++;
  }
  return { kind: "json", steps };
}

function readName(text: string, at: number, isBracket: boolean): { key: string | undefined; end: number } | undefined {
  if (text[at] === "*") return { key: undefined, end: at + 1 };
  const pattern = isBracket ? QUOTED : PLAIN_NAME;
  pattern.lastIndex = at;
  const found = pattern.exec(text)?.[0];
  if (found === undefined) return undefined;
  const key = isBracket ? unquote(found) : found;
  return key === undefined ? undefined : { key, end: at + found.length };
}

function unquote(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  const text = quoted[0] === '"' ? inner : inner.replaceAll("\\'", "'").replaceAll(/(?<!\\)"/g, '\\"');
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return undefined;
  }
}

/** Returns the path of a value in a JSON document: `$.items[*]["unit price"]`. Long keys are truncated. */
export function printJsonPath(segments: readonly Segment[]): string {
  let path = "$";
  for (const segment of segments) {
    if (segment === ELEMENT) path += "[*]";
    else path += WHOLE_PLAIN_NAME.test(segment) ? `.${segment}` : `[${JSON.stringify(truncate(segment))}]`;
  }
  return path;
}

function truncate(key: string): string {
  return key.length <= MAX_KEY_LENGTH ? key : `${key.slice(0, MAX_KEY_LENGTH).toWellFormed()}…`;
}

/** Reports whether the steps of a rule match the position of a value or, with `orInside`, of a value around it. */
export function matchesSteps(
  steps: readonly PathStep[],
  segments: readonly Segment[],
  { orInside }: { readonly orInside: boolean },
): boolean {
  // Bit N: N steps may have matched so far. This avoids backtracking, however many ".." there are.
  const all = 1 << steps.length;
  let reached = 1;
  for (const segment of segments) {
    if (orInside && (reached & all) !== 0) return true;
    let next = 0;
    for (let done = 0; done < steps.length; done++) {
      if ((reached & (1 << done)) === 0) continue;
      const { isDeep, key } = steps[done]!;
      if (isDeep) next |= 1 << done;
      if (key === undefined || key === segment) next |= 1 << (done + 1);
    }
    if (next === 0) return false;
    reached = next;
  }
  return (reached & all) !== 0;
}

/** Reports whether a name matches a pattern in which `*` stands for any characters. */
export function matchesName(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  const last = rest.pop()!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > name.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
