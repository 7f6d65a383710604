/** Removal of trailing slashes. */

/**
 * Removes all trailing slashes from a path. A regular expression would take quadratic time for a path of slashes.
 *
 * @example Usage
 * ```ts ignore
 * withoutTrailingSlashes("/api//"); // "/api"
 * withoutTrailingSlashes("/"); // ""
 * ```
 */
export function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}
