/** Values of comparison rules: paths into a response, array order and regular expressions. */

import { parsePattern, UnsupportedPattern } from "../../lib/linear_regexp/parse_pattern.ts";
import { compileProgram } from "../../lib/linear_regexp/program.ts";
import { type BodyPath, parseBodyPath } from "../body_path.ts";
import type { InputPath } from "../read/input_path.ts";
import { listOf } from "./composite.ts";
import { quote } from "./describe.ts";
import { isMapping, literal, type ValueType } from "./value_type.ts";

const MAX_PATTERN_LENGTH = 1_000;

/** Returns the type of paths into a response, or into its JSON only. */
export function bodyPath({ jsonOnly = false }: { readonly jsonOnly?: boolean } = {}): ValueType<BodyPath> {
  const start = jsonOnly ? "^\\$" : "^(?:\\$|status$|outcome$|body$|closeCode$|header:|form:)";
  return literal({
    label: jsonOnly ? "JSON path" : "JSON path, `header:NAME`, `form:NAME`, `status`, `outcome`, `closeCode` or `body`",
    input: "string",
    notation: jsonOnly
      ? 'A JSON path: `"$.items[*].price"`.'
      : 'A JSON path such as `"$.items[*].id"`, `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`, ' +
        '`"outcome"`, `"closeCode"` or `"body"`.',
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
  /** The only endpoint at which the rule applies, as {@linkcode withoutSegmentNames} returns it. Absent: all. */
  readonly endpoint?: string;
}

const ENDPOINT = /^(?:[A-Z]+|\*) \/\S*(?: \S+)?$/;
const MAX_ENDPOINT_LENGTH = 1_024;

/** Returns the name of an endpoint without the names of its variable segments: `GET /orders/{}`. */
export function withoutSegmentNames(endpoint: string): string {
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
      return parsed && { path: parsed, endpoint: withoutSegmentNames(endpoint) };
    },
  });
}

/** Place of the version of a service: a header field of its responses, in lower case, or a status page. */
export type VersionSource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "path"; readonly path: string };

const VERSION_SOURCE = /^(?:header:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|path:(\/[!"$-~]*))$/;

/** Returns the type of the place of a version. */
export function versionSource(): ValueType<VersionSource> {
  return literal({
    label: "`header:NAME` or `path:PATH`",
    input: "string",
    notation: 'A header field of the responses: `"header:x-version"`; or the path of a page: `"path:/version"`.',
    schema: { type: "string", pattern: VERSION_SOURCE.source },
    parse(value, at) {
      const [, name, path] = VERSION_SOURCE.exec(typeof value === "string" ? value : "") ?? [];
      if (name !== undefined) return { kind: "header", name: name.toLowerCase() };
      if (path !== undefined) return { kind: "path", path };
      return at.mismatch('a header field like "header:x-version", or a page like "path:/version"', value);
    },
  });
}

/** Returns the type of parts of bodies: all of them with `true`, or paths. Values are paths; none with `false`. */
export function wholeOrPaths({ jsonOnly = false }: { readonly jsonOnly?: boolean } = {}): ValueType<
  readonly BodyPath[]
> {
  const paths = listOf(bodyPath({ jsonOnly }), { item: "path" });
  const whole: BodyPath = jsonOnly ? { kind: "json", steps: [] } : { kind: "body" };
  return literal({
    label: `true, false, or ${paths.label}`,
    input: `boolean | ${paths.input}`,
    notation: "`true` stands for whole bodies.",
    schema: { anyOf: [{ type: "boolean" }, paths.schema] },
    parse(value, at) {
      return typeof value === "boolean" ? (value ? [whole] : []) : paths.parse(value, at);
    },
  });
}

/** An array without a fixed order. */
export interface UnorderedArray {
  readonly path: BodyPath;
  /** Members that identify an element together, each as names from the element on; `undefined`: detected. */
  readonly identity?: readonly (readonly string[])[];
}

/** Returns the type of array order. Values are `"all"`, or the arrays without a fixed order. */
export function arrayOrder(): ValueType<"all" | readonly UnorderedArray[]> {
  const path = bodyPath({ jsonOnly: true });
  const paths = listOf(path, { item: "path" });
  const names = listOf(memberName(), { item: "name", min: 1 });
  const key = { type: "object", properties: { key: names.schema }, required: ["key"], additionalProperties: false };
  return literal({
    label: "`ordered`, `unordered`, JSON paths of arrays, or a mapping of such paths to `unordered` or `key: NAME`",
    input: `${paths.input} | ArraysInput`,
    notation: '`"ordered"`, `"unordered"`, paths of the unordered arrays (`"$.tags"`), or a mapping of such paths.',
    alias: {
      name: "ArraysInput",
      type: 'Readonly<Record<string, "unordered" | { readonly key: string | readonly string[] }>>',
      description:
        'Paths of unordered arrays, with the members that identify an element: `{ "$.items": { key: "id" } }`. ' +
        '`"unordered"`: such a member is detected.',
    },
    schema: {
      anyOf: [
        { enum: ["ordered", "unordered"] },
        paths.schema,
        { type: "object", propertyNames: path.schema, additionalProperties: { anyOf: [{ const: "unordered" }, key] } },
      ],
    },
    parse(value, at) {
      if (value === "ordered") return [];
      if (value === "unordered") return "all";
      if (isMapping(value)) {
        return Object.entries(value).flatMap(([text, rule]) => {
          const array = path.parse(text, at.child(text));
          const identity = rule === "unordered" ? undefined : parseKey(rule, at.child(text));
          if (array === undefined) return [];
          return identity === undefined ? [{ path: array }] : [{ path: array, identity }];
        });
      }
      const isPath = Array.isArray(value) || (typeof value === "string" && value.startsWith("$"));
      if (!isPath) return at.mismatch('"ordered", "unordered", JSON paths or a mapping', value);
      return paths.parse(value, at)?.map((path) => ({ path }));
    },
  });

  function parseKey(rule: unknown, at: InputPath): readonly (readonly string[])[] | undefined {
    if (!isMapping(rule)) return at.mismatch('"unordered" or a mapping with `key`', rule);
    const unknown = Object.keys(rule).find((name) => name !== "key");
    if (unknown !== undefined) return at.child(unknown).problem('unknown key; did you mean "key"?');
    return names.parse(rule.key, at.child("key"));
  }
}

/** Returns the type of members of an element: `id`, or `node.id` for a member of a member. */
function memberName(): ValueType<readonly string[]> {
  return literal({
    label: "member name",
    input: "string",
    schema: { type: "string", minLength: 1 },
    parse(value, at) {
      const names = typeof value === "string" ? value.split(".") : [];
      return names.length === 0 || names.includes("") ? at.mismatch('a name like "id" or "node.id"', value) : names;
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
