/** Request paths: to match, to send, and as templates of endpoints. */

import { withoutTrailingSlashes } from "../../lib/trailing_slashes.ts";
import { normalizePath, removeDotSegments } from "../path.ts";
import { literal, orPlaceholder, type ValueType } from "./value_type.ts";

/** Visible ASCII without `#`: characters that can stand in a request line unescaped. */
const SENDABLE = /^\/[!"$-~]*$/;
const SEGMENT = "(?:\\{[A-Za-z_][\\w-]*\\}|[^/{}?#\\s]*)";
const TEMPLATE = new RegExp(`^(?:/${SEGMENT})+$`);

/** Parameters in the patterns of other routers: `/:id`, `/{id}`. Braces may be percent-encoded. */
const PARAMETER = /\/(?::[A-Za-z_]\w*|(?:\{|%7B)[A-Za-z_][^/]*?(?:\}|%7D))(?=\/|$)/i;

/** Options of {@linkcode pathPattern}. */
export interface PathPatternOptions {
  /** Keep a trailing slash, because it makes another path. */
  readonly exact: boolean;
}

/** Returns the type of paths to match. Values are normalised like request paths. */
export function pathPattern({ exact }: PathPatternOptions): ValueType<string> {
  return literal({
    label: "path",
    input: "string",
    schema: { type: "string", pattern: "^/[^?#\\s\\\\]*$" },
    parse(value, at) {
      if (typeof value !== "string" || !value.startsWith("/")) return at.mismatch('a path that begins with "/"', value);
      if (/[?#]/.test(value)) return at.mismatch("a path without query and fragment", value);
      const path = removeDotSegments(value);
      if (path === undefined) {
        return at.mismatch("a path without spaces, backslashes, broken percent-encoding or hidden dot segments", value);
      }
      if (/\*/.test(path)) at.warn('"*" is not a wildcard: a prefix matches all paths below it');
      const [parameter] = PARAMETER.exec(path) ?? [];
      if (parameter !== undefined) {
        at.warn(
          `"${parameter.slice(1)}" is not a parameter: it matches this text only; use a prefix that ends before it`,
        );
      }
      const normalized = normalizePath(path);
      return exact ? normalized : withoutTrailingSlashes(normalized) || "/";
    },
  });
}

/** Returns the type of paths of requests that conductor makes itself. They are sent as written. */
export function requestPath(): ValueType<string> {
  return {
    label: "path",
    input: "string",
    notation: "A path with or without a query.",
    schema: { type: "string", pattern: orPlaceholder(SENDABLE.source) },
    parse(value, at) {
      if (typeof value === "string" && SENDABLE.test(value)) return value;
      return at.mismatch('a path that begins with "/", without spaces and "#", in ASCII', value);
    },
  };
}

/** A method and a path with variable segments. */
export interface EndpointPattern {
  readonly method: string;
  readonly path: string;
}

/** Returns the type of endpoint paths with variable segments in braces: `/users/{id}`. */
export function endpointTemplate(): ValueType<string> {
  return literal({
    label: "path, with variable segments as `{name}`",
    input: "string",
    notation: 'A segment in braces matches any segment: `"/users/{id}"`.',
    schema: { type: "string", pattern: TEMPLATE.source },
    parse(value, at) {
      if (typeof value === "string" && TEMPLATE.test(value)) return value;
      return at.mismatch('a path that begins with "/", with variable segments like "{id}"', value);
    },
  });
}

/** Returns the type of endpoints: a method and a path with variable segments. */
export function endpointPattern(): ValueType<EndpointPattern> {
  return literal({
    label: "method and path, with variable segments as `{name}`",
    input: "string",
    notation: 'A method and a path: `"POST /graphql"`, `"POST /users/{id}/search"`.',
    schema: { type: "string", pattern: `^[A-Za-z][A-Za-z-]* ${TEMPLATE.source.slice(1)}` },
    parse(value, at) {
      const [, method = "", path = ""] = /^([A-Za-z][A-Za-z-]*) (.+)$/.exec(typeof value === "string" ? value : "") ??
        [];
      if (TEMPLATE.test(path)) return { method: method.toUpperCase(), path };
      return at.mismatch('a method and a path, like "POST /graphql"', value);
    },
  });
}
