/** Removes secret parameters from a request target. All other bytes stay unchanged. */

import { isSecretParameter } from "./secret_names.ts";

const PATH_PIECE = /;([^;/]*)/g;

/** The part of a query or path that is kept, and the names of the removed parameters. */
export interface Stripped {
  readonly kept: string;
  /** The names as sent. */
  readonly names: readonly string[];
}

/**
 * Removes the parameters with a secret name from a query, which starts with a question mark or is empty.
 *
 * @example Usage
 * ```ts ignore
 * withoutSecretQuery("?page=2&%74oken=a&sort=up").kept; // "?page=2&sort=up"
 * ```
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
    // Some servers do not split at ";". For them, a piece without "=" continues the value before it.
    isDropping = isSecret || (isDropping && query[start] === ";" && equals === -1);
    if (isSecret) names.push(name);
    if (!isDropping) kept.push(kept.length === 0 ? `?${query.slice(start + 1, end)}` : query.slice(start, end));
    start = end;
  }
  return { kept: names.length === 0 ? query : kept.join(""), names };
}

/** Finds the next separator of parameters. Some servers accept `;` as one. */
function separatorFrom(query: string, from: number): number {
  let at = from;
  while (at < query.length && query[at] !== "&" && query[at] !== ";") at++;
  return at;
}

/** Removes the path parameters that have a secret name: `/cart;jsessionid=AB12` becomes `/cart`. */
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
