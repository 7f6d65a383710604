/** Parameters of a request target that are secrets, taken out; all other bytes stay as they are. */

import { isSecretParameter } from "./secret_names.ts";

/** Separators of a query. Some servers take `;` for one. */
const QUERY_PIECE = /([?&;])([^&;]*)/g;
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
  let kept = "";
  let isDropping = false;
  for (const [, separator = "", piece = ""] of query.matchAll(QUERY_PIECE)) {
    const equals = piece.indexOf("=");
    const name = equals === -1 ? piece : piece.slice(0, equals);
    // For a server that does not split at ";", a piece without "=" is the rest of the value before it.
    isDropping = isSecretParameter(name) || (isDropping && separator === ";" && equals === -1);
    if (!isDropping) kept += (kept === "" ? "?" : separator) + piece;
    else if (isSecretParameter(name)) names.push(name);
  }
  return names.length === 0 ? { kept: query, names } : { kept, names };
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
