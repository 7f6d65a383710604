/** Parameters of a request target that are secrets, taken out; all other bytes stay as they are. */

import { isSecretParameter } from "./secret_names.ts";

const PATH_PIECE = /;([^;/]*)/g;

/** The part of a query that is kept, and the names of the parameters that are not. */
export interface Stripped {
  readonly kept: string;
  /** The names as they were sent. */
  readonly names: readonly string[];
}

/**
 * Takes the parameters of a query that are secrets by their names.
 *
 * @example Usage
 * ```ts ignore
 * withoutSecretQuery("?page=2&%74oken=a&sort=up").kept; // "?page=2&sort=up"
 * ```
 *
 * @param query A query with its question mark, or nothing.
 */
export function withoutSecretQuery(query: string): Stripped {
  const names: string[] = [];
  const kept: string[] = [];
  let isDropping = false;
  let start = 0;
  while (start < query.length) {
    const end = separatorFrom(query, start + 1);
    const equals = query.slice(start + 1, end).indexOf("=");
    const name = query.slice(start + 1, equals === -1 ? end : start + 1 + equals);
    const isSecret = isSecretParameter(name);
    // For a server that does not split at ";", a piece without "=" is the rest of the value before it.
    isDropping = isSecret || (isDropping && query[start] === ";" && equals === -1);
    if (isSecret) names.push(name);
    if (!isDropping) kept.push(kept.length === 0 ? `?${query.slice(start + 1, end)}` : query.slice(start, end));
    start = end;
  }
  return { kept: names.length === 0 ? query : kept.join(""), names };
}

/** Finds the next separator of parameters. Some servers take `;` for one. */
function separatorFrom(query: string, from: number): number {
  let at = from;
  while (at < query.length && query[at] !== "&" && query[at] !== ";") at++;
  return at;
}

/** Takes the path parameters that are secrets by their names: `/cart;jsessionid=AB12` becomes `/cart`. */
export function withoutSecretPathParameters(path: string): Stripped {
  if (!path.includes(";")) return { kept: path, names: [] };
  const names: string[] = [];
  const kept = path.replaceAll(PATH_PIECE, (piece, parameter: string) => {
    const [name = ""] = parameter.split("=", 1);
    if (!isSecretParameter(name)) return piece;
    names.push(name);
    return "";
  });
  return { kept, names };
}
