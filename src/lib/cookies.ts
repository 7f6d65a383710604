/** Cookies of a `Cookie` field (RFC 6265 §4.2.1), found without splitting the whole field. */

const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Finds a cookie.
 *
 * @param field The value of a `Cookie` field.
 * @param name The cookie's name.
 * @returns The value of the first cookie with this name; `undefined` if there is none.
 */
export function cookieValue(field: string, name: string): string | undefined {
  for (let at = field.indexOf(name); at !== -1; at = field.indexOf(name, at + name.length)) {
    const equals = skipBlanks(field, at + name.length);
    if (field[equals] !== "=" || !startsPair(field, at)) continue;
    const end = field.indexOf(";", equals);
    return field.slice(equals + 1, end === -1 ? undefined : end).trim();
  }
  return undefined;
}

/**
 * Removes cookies by a prefix of their names.
 *
 * @param field The value of a `Cookie` field.
 * @param prefix Prefix of the names.
 * @returns The other cookies as they were sent; empty if there are none.
 */
export function withoutCookies(field: string, prefix: string): string {
  let kept = "";
  let from = 0;
  for (let at = field.indexOf(prefix); at !== -1; at = field.indexOf(prefix, Math.max(from, at + 1))) {
    if (!startsPair(field, at)) continue;
    kept += field.slice(from, at);
    const end = field.indexOf(";", at);
    if (end === -1) return withoutSeparator(kept);
    from = skipBlanks(field, end + 1);
  }
  return kept + field.slice(from);
}

/** Reports whether only white space precedes an offset, back to a semicolon or the beginning. */
function startsPair(field: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(field.charCodeAt(before))) before--;
  return before < 0 || field.charCodeAt(before) === SEMICOLON;
}

/**
 * Trims without a regular expression: matching trailing white space takes quadratic time if there is much white space
 * elsewhere.
 */
function withoutSeparator(pairs: string): string {
  const trimmed = pairs.trimEnd();
  return trimmed.endsWith(";") ? trimmed.slice(0, -1) : trimmed;
}

function skipBlanks(field: string, from: number): number {
  while (from < field.length && isBlank(field.charCodeAt(from))) from++;
  return from;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
