/** What counts as a mapping of keys to values. */

/**
 * Tells whether a value is a mapping: an object, but not a list, date, map or the like.
 *
 * @param value Anything.
 * @returns Whether its own keys can be taken for fields.
 */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Object]" || tag === "[object Module]";
}
