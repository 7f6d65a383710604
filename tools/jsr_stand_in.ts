/**
 * Replacement of the `@std` packages for machines that reach npm but not JSR: std's declarations, over the same code
 * from npm. It has only the modules that this project imports.
 */

/** One module of a package. */
export interface StandInModule {
  /** Specifier of the npm module with the code. */
  readonly npm?: string;
  /** Declarations of the exports; the npm module has no types. */
  readonly declarations?: string;
  /** Text of a TypeScript module. */
  readonly code?: string;
  /** Name of a TypeScript module in `stand_in/`, for modules that npm does not have. */
  readonly file?: string;
}

/** Packages by name, and their modules by export name. */
export type StandIn = Readonly<Record<string, Readonly<Record<string, StandInModule>>>>;

/** Within the ranges of deno.json, and too high to be mistaken for a published version. */
export const STAND_IN_VERSION = "1.999.0";

const STD = "npm:deno-std@1.4.0";

function std(file: string, declarations: string): StandInModule {
  return { npm: `${STD}/${file}.js`, declarations: declarations.trim() + "\n" };
}

/** Returns a module that re-exports other modules of its package, as `mod.ts` of std does. */
function barrel(...names: string[]): StandInModule {
  return { code: names.map((name) => `export * from "./${name}.ts";\n`).join("") };
}

const ASSERT = {
  "almost-equals": `
export function assertAlmostEquals(actual: number | bigint, expected: number | bigint, tolerance?: number, msg?: string): void;`,
  "array-includes": `
export type ArrayLikeArg<T> = ArrayLike<T> & object;
export function assertArrayIncludes<T>(actual: ArrayLikeArg<T>, expected: ArrayLikeArg<T>, msg?: string): void;`,
  "assert": `
export function assert(expr: unknown, msg?: string): asserts expr;`,
  "assertion-error": `
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions);
}`,
  "equal": `
export function equal(a: unknown, b: unknown): boolean;`,
  "equals": `
export function assertEquals<T>(actual: T, expected: T, msg?: string): void;`,
  "exists": `
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;`,
  "fail": `
export function fail(msg?: string): never;`,
  "false": `
export type Falsy = false | 0 | 0n | "" | null | undefined;
export function assertFalse(expr: unknown, msg?: string): asserts expr is Falsy;`,
  "greater": `
export function assertGreater<T>(actual: T, expected: T, msg?: string): void;`,
  "greater-or-equal": `
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void;`,
  "instance-of": `
export type AnyConstructor = new (...args: any[]) => any;
export type GetConstructorType<T extends AnyConstructor> = InstanceType<T>;
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(actual: unknown, expectedType: T, msg?: string): asserts actual is InstanceType<T>;`,
  "is-error": `
export function assertIsError<E extends Error = Error>(error: unknown, ErrorClass?: abstract new (...args: any[]) => E, msgMatches?: string | RegExp, msg?: string): asserts error is E;`,
  "less": `
export function assertLess<T>(actual: T, expected: T, msg?: string): void;`,
  "less-or-equal": `
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;`,
  "match": `
export function assertMatch(actual: string, expected: RegExp, msg?: string): void;`,
  "not-equals": `
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;`,
  "not-instance-of": `
export function assertNotInstanceOf<A, T>(actual: A, unexpectedType: abstract new (...args: any[]) => T, msg?: string): asserts actual is Exclude<A, T>;`,
  "not-match": `
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;`,
  "not-strict-equals": `
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void;`,
  "object-match": `
export function assertObjectMatch(actual: Record<PropertyKey, any>, expected: Record<PropertyKey, unknown>, msg?: string): void;`,
  "rejects": `
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(fn: () => PromiseLike<unknown>, ErrorClass: abstract new (...args: any[]) => E, msgIncludes?: string, msg?: string): Promise<E>;`,
  "strict-equals": `
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T;`,
  "string-includes": `
export function assertStringIncludes(actual: string, expected: string, msg?: string): void;`,
  "throws": `
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(fn: () => unknown, ErrorClass: abstract new (...args: any[]) => E, msgIncludes?: string, msg?: string): E;`,
  "unimplemented": `
export function unimplemented(msg?: string): never;`,
  "unreachable": `
export function unreachable(msg?: string): never;`,
};

const ASYNC = {
  "abortable": `
export function abortable<T>(p: Promise<T>, signal: AbortSignal): Promise<T>;
export function abortable<T>(p: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T>;`,
  "deadline": `
export interface DeadlineOptions {
  signal?: AbortSignal;
}
export function deadline<T>(p: Promise<T>, ms: number, options?: DeadlineOptions): Promise<T>;`,
  "delay": `
export interface DelayOptions {
  signal?: AbortSignal;
  persistent?: boolean;
}
export function delay(ms: number, options?: DelayOptions): Promise<void>;`,
  "retry": `
export class RetryError extends Error {
  constructor(cause: unknown, attempts: number);
}
export interface RetryOptions {
  multiplier?: number;
  maxTimeout?: number;
  maxAttempts?: number;
  minTimeout?: number;
  jitter?: number;
}
export function retry<T>(fn: (() => Promise<T>) | (() => T), options?: RetryOptions): Promise<T>;`,
};

const TEXT = {
  "closest-string": `
import type { CompareSimilarityOptions } from "./compare-similarity.d.ts";
export interface ClosestStringOptions extends CompareSimilarityOptions {}
export function closestString(givenWord: string, possibleWords: ReadonlyArray<string>, options?: ClosestStringOptions): string;`,
  "compare-similarity": `
export interface CompareSimilarityOptions {
  caseSensitive?: boolean;
  compareFn?: (a: string, b: string) => number;
}
export function compareSimilarity(givenWord: string, options?: CompareSimilarityOptions): (a: string, b: string) => number;`,
  "levenshtein-distance": `
export function levenshteinDistance(str1: string, str2: string): number;`,
  "to-camel-case": `
export function toCamelCase(input: string): string;`,
  "to-kebab-case": `
export function toKebabCase(input: string): string;`,
  "to-pascal-case": `
export function toPascalCase(input: string): string;`,
  "to-snake-case": `
export function toSnakeCase(input: string): string;`,
  "word-similarity-sort": `
import type { CompareSimilarityOptions } from "./compare-similarity.d.ts";
export interface WordSimilaritySortOptions extends CompareSimilarityOptions {}
export function wordSimilaritySort(givenWord: string, possibleWords: ReadonlyArray<string>, options?: WordSimilaritySortOptions): string[];`,
};

const YAML = {
  "parse": `
export interface ParseOptions {
  allowDuplicateKeys?: boolean;
  schema?: "core" | "default" | "failsafe" | "json" | "extended";
  onWarning?(error: Error): void;
}
export function parse(content: string, options?: ParseOptions): unknown;
export function parseAll(content: string, options?: ParseOptions): unknown;`,
  "stringify": `
export interface StringifyOptions {
  indent?: number;
  arrayIndent?: boolean;
  skipInvalid?: boolean;
  flowLevel?: number;
  styles?: Record<string, "lowercase" | "uppercase" | "camelcase" | "decimal" | "binary" | "octal" | "hexadecimal">;
  schema?: "core" | "default" | "failsafe" | "json" | "extended";
  sortKeys?: boolean | ((a: string, b: string) => number);
  lineWidth?: number;
  useAnchors?: boolean;
  compatMode?: boolean;
  condenseFlow?: boolean;
}
export function stringify(data: unknown, options?: StringifyOptions): string;`,
};

const HTTP = {
  "negotiation": ["accepts", "acceptsEncodings", "acceptsLanguages"].map((name) => `
export function ${name}(request: Pick<Request, "headers">): string[];
export function ${name}(request: Pick<Request, "headers">, ...values: string[]): string | undefined;`).join(""),
  "server-sent-event-stream": `
export interface ServerSentEventMessage {
  comment?: string;
  event?: string;
  data?: string;
  id?: string | number;
  retry?: number;
}
export class ServerSentEventStream extends TransformStream<ServerSentEventMessage, Uint8Array> {
  constructor();
}`,
  "status": statusDeclarations(),
};

const FMT = {
  "bytes": `
export interface FormatOptions {
  bits?: boolean;
  signed?: boolean;
  locale?: boolean | string | string[];
  minimumFractionDigits?: number;
  maximumFractionDigits?: number;
}
export function format(num: number, options?: FormatOptions): string;`,
  "colors": colorsDeclarations(),
  "duration": `
export interface FormatOptions {
  style?: "narrow" | "full" | "digital";
  ignoreZero?: boolean;
}
export function format(ms: number, options?: FormatOptions): string;`,
};

const PARSE_ARGS = `
type Aliases = Readonly<Record<string, string | readonly string[]>>;
type AliasNames<A, K> = K extends keyof A ? A[K] extends readonly (infer Name extends string)[] ? Name : A[K] & string : never;
type WithAliases<T, A> = { [K in keyof T as K | AliasNames<A, K>]: T[K] };
type OrFalse<K, N> = K extends N ? false : never;
type Typed<S extends string, B extends string, C extends string, N extends string> =
  & { [K in Exclude<S, C>]?: string | OrFalse<K, N> }
  & { [K in Extract<S, C>]: string[] | OrFalse<K, N> }
  & { [K in B]: boolean }
  & { [K in Exclude<C, S | B>]: unknown[] | OrFalse<K, N> };
type WithDefaults<T, D> = Omit<T, keyof D> & { [K in keyof D]: K extends keyof T ? D[K] | NonNullable<T[K]> : unknown };
type Values<S extends string, B extends string, C extends string, N extends string, D, A> =
  [S | B | C] extends [never] ? Record<string, any>
    : Record<string, unknown> & WithAliases<WithDefaults<Typed<S, B, C, N>, D>, A>;
type DoubleDash<DD> = DD extends true ? { "--": string[] } : {};
export type Args<T extends Record<string, unknown> = Record<string, any>, DD extends boolean | undefined = undefined> =
  & T
  & { _: Array<string | number> }
  & DoubleDash<DD>;
export interface ParseOptions<
  B extends string = string, S extends string = string, C extends string = string, N extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>, A extends Aliases = Aliases,
  DD extends boolean | undefined = boolean | undefined,
> {
  "--"?: DD;
  alias?: A;
  boolean?: boolean | B | ReadonlyArray<B>;
  default?: D;
  stopEarly?: boolean;
  string?: S | ReadonlyArray<S>;
  collect?: C | ReadonlyArray<C>;
  negatable?: N | ReadonlyArray<N>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
export function parseArgs<
  S extends string = never, B extends string = never, C extends string = never, N extends string = never,
  D extends Record<string, unknown> = {}, const A extends Aliases = {}, DD extends boolean | undefined = undefined,
>(args: string[], options?: ParseOptions<B, S, C, N, D, A, DD>): Args<Values<S, B, C, N, D, A>, DD>;`;

function colorsDeclarations(): string {
  const hues = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
  const names = ["reset", "bold", "dim", "italic", "underline", "inverse", "hidden", "strikethrough", "gray"];
  for (const hue of hues) {
    const name = hue[0]!.toUpperCase() + hue.slice(1);
    names.push(hue, `bright${name}`, `bg${name}`, `bgBright${name}`);
  }
  return `
export interface Rgb {
  r: number;
  g: number;
  b: number;
}
export function setColorEnabled(value: boolean): void;
export function getColorEnabled(): boolean;
${names.map((name) => `export function ${name}(str: string): string;`).join("\n")}
export function rgb8(str: string, color: number): string;
export function bgRgb8(str: string, color: number): string;
export function rgb24(str: string, color: number | Rgb): string;
export function bgRgb24(str: string, color: number | Rgb): string;
export function stripAnsiCode(string: string): string;`;
}

function statusDeclarations(): string {
  const codes: [name: string, code: number, text?: string][] = [
    ["Continue", 100],
    ["SwitchingProtocols", 101],
    ["Processing", 102],
    ["EarlyHints", 103],
    ["OK", 200, "OK"],
    ["Created", 201],
    ["Accepted", 202],
    ["NonAuthoritativeInfo", 203],
    ["NoContent", 204],
    ["ResetContent", 205],
    ["PartialContent", 206],
    ["MultiStatus", 207],
    ["AlreadyReported", 208],
    ["IMUsed", 226, "IM Used"],
    ["MultipleChoices", 300],
    ["MovedPermanently", 301],
    ["Found", 302],
    ["SeeOther", 303],
    ["NotModified", 304],
    ["UseProxy", 305],
    ["TemporaryRedirect", 307],
    ["PermanentRedirect", 308],
    ["BadRequest", 400],
    ["Unauthorized", 401],
    ["PaymentRequired", 402],
    ["Forbidden", 403],
    ["NotFound", 404],
    ["MethodNotAllowed", 405],
    ["NotAcceptable", 406],
    ["ProxyAuthRequired", 407],
    ["RequestTimeout", 408],
    ["Conflict", 409],
    ["Gone", 410],
    ["LengthRequired", 411],
    ["PreconditionFailed", 412],
    ["ContentTooLarge", 413],
    ["URITooLong", 414, "URI Too Long"],
    ["UnsupportedMediaType", 415],
    ["RangeNotSatisfiable", 416],
    ["ExpectationFailed", 417],
    ["Teapot", 418, "I'm a teapot"],
    ["MisdirectedRequest", 421],
    ["UnprocessableEntity", 422],
    ["Locked", 423],
    ["FailedDependency", 424],
    ["TooEarly", 425],
    ["UpgradeRequired", 426],
    ["PreconditionRequired", 428],
    ["TooManyRequests", 429],
    ["RequestHeaderFieldsTooLarge", 431],
    ["UnavailableForLegalReasons", 451],
    ["InternalServerError", 500],
    ["NotImplemented", 501],
    ["BadGateway", 502],
    ["ServiceUnavailable", 503],
    ["GatewayTimeout", 504],
    ["HTTPVersionNotSupported", 505, "HTTP Version Not Supported"],
    ["VariantAlsoNegotiates", 506],
    ["InsufficientStorage", 507],
    ["LoopDetected", 508],
    ["NotExtended", 510],
    ["NetworkAuthenticationRequired", 511],
  ];
  const words = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, " ");
  const kinds: [name: string, digits: string][] = [
    ["Informational", "1"],
    ["Successful", "2"],
    ["Redirect", "3"],
    ["ClientError", "4"],
    ["ServerError", "5"],
    ["Error", "45"],
  ];
  const guards = kinds.map(([kind, digits]) => {
    const members = codes.filter(([, code]) => digits.includes(String(code)[0]!)).map(([, code]) => code);
    return `
export type ${kind}Status = ${members.join(" | ")};
export function is${kind}Status(status: number): status is ${kind}Status;`;
  });
  return `
export const STATUS_CODE: {
${codes.map(([name, code]) => `  readonly ${name}: ${code};`).join("\n")}
};
export const STATUS_TEXT: {
${codes.map(([name, code, text = words(name)]) => `  readonly ${code}: ${JSON.stringify(text)};`).join("\n")}
};
export type StatusCode = typeof STATUS_CODE[keyof typeof STATUS_CODE];
export type StatusText = typeof STATUS_TEXT[keyof typeof STATUS_TEXT];
export function isStatus(status: number): status is StatusCode;${guards.join("")}`;
}

/** Returns the modules of one folder of the npm package, which has std's file names. */
function leaves(folder: string, declarations: Record<string, string>): Record<string, StandInModule> {
  return Object.fromEntries(
    Object.entries(declarations).map(([name, text]) => [name, std(`${folder}/${name.replaceAll("-", "_")}`, text)]),
  );
}

/** Every package and module that has a replacement. */
export const STAND_IN: StandIn = {
  "@std/assert": { ".": barrel(...Object.keys(ASSERT)), ...leaves("assert", ASSERT) },
  "@std/async": { ".": barrel(...Object.keys(ASYNC)), ...leaves("async", ASYNC) },
  "@std/cli": {
    ".": barrel("parse-args", "unicode-width"),
    ...leaves("cli", { "parse-args": PARSE_ARGS }),
    "unicode-width": { file: "unicode_width.ts" },
  },
  "@std/fmt": leaves("fmt", FMT),
  "@std/http": { ".": barrel(...Object.keys(HTTP)), ...leaves("http", HTTP) },
  "@std/testing": { "time": { file: "fake_time.ts" } },
  "@std/text": { ".": barrel(...Object.keys(TEXT)), ...leaves("text", TEXT) },
  "@std/yaml": { ".": barrel(...Object.keys(YAML)), ...leaves("yaml", YAML) },
};
