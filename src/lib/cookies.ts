/** Cookies of a `Cookie` header (RFC 6265 §4.2.1), found without splitting the whole value. */

const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Returns the value of the first cookie with a name; `undefined` if there is none.
 *
 * @example Usage
 * ```ts ignore
 * cookieValue("a=1; b=2", "b"); // "2"
 * ```
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
 * Removes the cookies whose names begin with a prefix. The others stay as sent; the result is empty if there are none.
 *
 * @example Usage
 * ```ts ignore
 * withoutCookies("sid=1; conductor_session=2; b=3", "conductor_"); // "sid=1; b=3"
 * ```
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
