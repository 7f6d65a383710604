/** Values of comparison rules: paths into a response, array order and regular expressions. */

import { parsePattern, UnsupportedPattern } from "../../lib/linear_regexp/parse_pattern.ts";
import { compileProgram } from "../../lib/linear_regexp/program.ts";
import { type BodyPath, parseBodyPath } from "../body_path.ts";
import { listOf } from "./composite.ts";
import { quote } from "./describe.ts";
import { isMapping, literal, type ValueType } from "./value_type.ts";

const MAX_PATTERN_LENGTH = 1_000;

/** Returns the type of paths into a response, or into its JSON only. */
export function bodyPath({ jsonOnly = false }: { readonly jsonOnly?: boolean } = {}): ValueType<BodyPath> {
  const start = jsonOnly ? "^\\$" : "^(?:\\$|status$|outcome$|body$|header:|form:)";
  return literal({
    label: jsonOnly ? "JSON path" : "JSON path, `header:NAME`, `form:NAME`, `status`, `outcome` or `body`",
    input: "string",
    notation: jsonOnly
      ? 'A JSON path: `"$.items[*].price"`.'
      : 'A JSON path such as `"$.items[*].id"`, `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`, ' +
        '`"outcome"` or `"body"`.',
    schema: { type: "string", pattern: start },
    parse(value, at) {
      if (typeof value !== "string") return at.mismatch('a path like "$.items[*].id"', value);
      const path = parseBodyPath(value);
      if (!("fault" in path)) {
        return jsonOnly && path.kind !== "json" ? at.mismatch('a path that begins with "$"', value) : path;
      }
      return at.problem(`must be a path like "$.items[*].id": found ${quote(value)}, expected ${path.fault}`);
    },
  });
}

/** A part of a response that is ignored. */
export interface IgnoreRule {
  readonly path: BodyPath;
  /** The only endpoint at which the rule applies, as {@linkcode patternOfEndpoint} returns it. Absent: all. */
  readonly endpoint?: string;
}

const ENDPOINT = /^(?:[A-Z]+|\*) \/\S*$/;
const MAX_ENDPOINT_LENGTH = 1_024;

/** Returns the name of an endpoint without the names of its variable segments: `GET /orders/{}`. */
export function patternOfEndpoint(endpoint: string): string {
  return endpoint.replace(/\{[^/{}]*\}/g, "{}");
}

/** Returns the type of parts that are ignored: a path, or a path at one endpoint. */
export function ignoreRule(): ValueType<IgnoreRule> {
  const path = bodyPath();
  return literal({
    label: `${path.label}; or a mapping with \`endpoint\` and \`path\``,
    input: "IgnoreInput",
    alias: {
      name: "IgnoreInput",
      type: "string | { readonly endpoint: string; readonly path: string }",
      description:
        'A path, or a path at one endpoint as the report names it: `{ endpoint: "GET /orders/{id}", path: "$.id" }`.',
    },
    ...(path.notation !== undefined && { notation: path.notation }),
    schema: {
      anyOf: [
        path.schema,
        {
          type: "object",
          properties: { endpoint: { type: "string", pattern: ENDPOINT.source }, path: path.schema },
          required: ["endpoint", "path"],
          additionalProperties: false,
        },
      ],
    },
    parse(value, at) {
      if (!isMapping(value)) {
        const parsed = path.parse(value, at);
        return parsed && { path: parsed };
      }
      const unknown = Object.keys(value).find((name) => name !== "endpoint" && name !== "path");
      if (unknown !== undefined) {
        return at.child(unknown).problem("unknown key; keys are `endpoint` and `path`");
      }
      const { endpoint } = value;
      const isEndpoint = typeof endpoint === "string" && endpoint.length <= MAX_ENDPOINT_LENGTH &&
        ENDPOINT.test(endpoint);
      const parsed = path.parse(value.path, at.child("path"));
      if (!isEndpoint) return at.child("endpoint").mismatch('an endpoint like "GET /orders/{id}"', endpoint);
      return parsed && { path: parsed, endpoint: patternOfEndpoint(endpoint) };
    },
  });
}

const VERSION_HEADER = /^header:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/;

/** Returns the type of the place of a version in responses. Values are names of header fields in lower case. */
export function versionSource(): ValueType<string> {
  return literal({
    label: "`header:NAME`",
    input: "string",
    schema: { type: "string", pattern: VERSION_HEADER.source },
    parse(value, at) {
      const name = typeof value === "string" ? VERSION_HEADER.exec(value)?.[1] : undefined;
      return name === undefined ? at.mismatch('a header field like "header:x-version"', value) : name.toLowerCase();
    },
  });
}

/** Returns the type of array order. Values are `"all"`, or the paths of the arrays without a fixed order. */
export function arrayOrder(): ValueType<"all" | readonly BodyPath[]> {
  const paths = listOf(bodyPath({ jsonOnly: true }), { item: "path" });
  return literal({
    label: "`ordered`, `unordered`, or JSON paths of arrays",
    input: paths.input,
    notation: '`"ordered"`, `"unordered"`, or JSON paths of the unordered arrays: `"$.tags"`.',
    schema: { anyOf: [{ enum: ["ordered", "unordered"] }, paths.schema] },
    parse(value, at) {
      if (value === "ordered") return [];
      if (value === "unordered") return "all";
      const isPath = Array.isArray(value) || (typeof value === "string" && value.startsWith("$"));
      return isPath ? paths.parse(value, at) : at.mismatch('"ordered", "unordered" or JSON paths', value);
    },
  });
}

/**
 * Returns the type of ECMAScript regular expressions with flag `u` that match in linear time. Values are text: a
 * checked configuration is frozen and passed between threads.
 */
export function regularExpression(): ValueType<string> {
  return literal({
    label: "regular expression",
    input: "string",
    notation: "An ECMAScript regular expression with the flags `gu`.",
    schema: { type: "string", minLength: 1, maxLength: MAX_PATTERN_LENGTH },
    parse(value, at) {
      if (typeof value !== "string" || value === "") return at.mismatch("a regular expression", value);
      if (value.length > MAX_PATTERN_LENGTH) {
        return at.problem(`must be at most ${MAX_PATTERN_LENGTH} characters long`);
      }
      const fault = compileError(value);
      if (fault === undefined) return value;
      const found = `found ${at.describe(value)}`;
      if (fault instanceof UnsupportedPattern) return at.problem(`must not use ${fault.construct}: ${found}`);
      return at.problem(`must be a regular expression: ${found}${at.isSecret ? "" : `, ${reasonOf(fault)}`}`);
    },
  });
}

function compileError(source: string): unknown {
  try {
    compileProgram(parsePattern(source));
    return undefined;
  } catch (error) {
    return error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^.*: /s, "").toLowerCase() : "unreadable";
}
