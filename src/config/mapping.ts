/** What counts as a mapping of keys to values. */

/**
 * Tells whether a value is a mapping: an object, but not a list, date, map or the like.
 *
 * @param value Anything.
 * @returns Whether its own keys can be taken for fields.
 */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null &&
    /^\[object (?:Object|Module)\]$/.test(Object.prototype.toString.call(value));
}
