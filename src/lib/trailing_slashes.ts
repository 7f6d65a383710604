/** `/api` and `/api/` are one prefix. */

/**
 * Takes the slashes off the end of a path. A regular expression would take quadratic time for a path of slashes.
 *
 * @param path A path.
 * @returns The path without them; empty where it consisted of them.
 */
export function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}
