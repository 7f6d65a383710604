/** Paths of values in the input, and the diagnostics that checks report there. */

import { childPath, describe, kindOf, printablePath } from "../schema/describe.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";

/** Maximum number of problems: a hostile file must not cost more than an ordinary one. */
const MAX_PROBLEMS = 1_000;

/** Facts about single values of a text by path, such as `services[0].headers.Authorization`. */
export interface ConfigSource {
  /** Line of a value, from 1; `undefined` if it is not certain. */
  readonly lineOf?: ((path: string) => number | undefined) | undefined;
  /** Text of a value before its `${file:…}` and `${env:…}` were resolved; `undefined` if it had none. */
  readonly templateOf?: ((path: string) => string | undefined) | undefined;
  /** Texts from placeholders, alone and with the text around them. Output must not show them. */
  readonly secrets?: readonly string[];
  /** Reports whether a value could not be read. Its problem is already in `problems`. */
  readonly isUnreadable?: (path: string) => boolean;
  /** Reports whether a value still is that of the file. Absent: all values are. */
  readonly isLoaded?: (path: string) => boolean;
  /** Problems found while the text was read. */
  readonly problems?: readonly ConfigProblem[];
}

/**
 * Function of the library that gets a configuration: `conductor()`, `createConductor()` with its states, or `serve()`
 * with its listener.
 */
export type Embedding = "handler" | "conductor" | "server";

/** Problems and warnings of one input. */
export interface Diagnostics {
  /** Facts about the text; `undefined` for a plain object. */
  readonly source: ConfigSource | undefined;
  /** Function of the library that gets the input; absent for conductor's own server. */
  readonly embedding?: Embedding | undefined;
  readonly problems: ConfigProblem[];
  /** Fields without effect, or with an unexpected one. */
  readonly warnings: string[];
}

/** The path of one value in the input. */
export class InputPath {
  readonly #diagnostics: Diagnostics;
  readonly #parent: InputPath | undefined;
  readonly #key: string | number;

  constructor(diagnostics: Diagnostics, parent?: InputPath, key: string | number = "") {
    this.#diagnostics = diagnostics;
    this.#parent = parent;
    this.#key = key;
  }

  /** The path as messages show it; empty for the whole input. */
  get path(): string {
    return this.#parent === undefined ? "" : childPath(this.#parent.path, this.#key);
  }

  /** True if the input was read from a text, with its placeholders resolved. */
  get isFromText(): boolean {
    const { source } = this.#diagnostics;
    return source !== undefined && (source.isLoaded?.(this.path) ?? true);
  }

  /** Function of the library that gets the input; `undefined` for conductor's own server. */
  get embedding(): Embedding | undefined {
    return this.#diagnostics.embedding;
  }

  /** Text of the value before its placeholders were resolved; `undefined` if it had none. */
  get template(): string | undefined {
    return this.#diagnostics.source?.templateOf?.(this.path);
  }

  /** True if the value came from a placeholder. */
  get isSecret(): boolean {
    return this.template !== undefined;
  }

  /** Texts from placeholders anywhere in the input. */
  get secrets(): readonly string[] {
    return this.#diagnostics.source?.secrets ?? [];
  }

  /** True if the value could not be read, which is already a problem. */
  get isUnreadable(): boolean {
    const isUnreadable = this.#diagnostics.source?.isUnreadable;
    return isUnreadable !== undefined && isUnreadable(this.path);
  }

  /** True if a problem of the value itself has been reported. The value is then missing in checks across fields. */
  get hasProblem(): boolean {
    const { path } = this;
    return this.#diagnostics.problems.some((problem) => problem.path === path);
  }

  /** Returns the path of a value inside this one. */
  child(key: string | number): InputPath {
    return new InputPath(this.#diagnostics, this, key);
  }

  /** Reports a problem. Returns nothing, for `return at.problem(…)`. Messages must not contain secrets. */
  problem(message: string): undefined {
    const { problems } = this.#diagnostics;
    const line = this.line();
    problems.push({ path: this.path, message, ...(line === undefined ? {} : { line }) });
    if (problems.length >= MAX_PROBLEMS) throw new ConfigError(problems);
  }

  /** Reports a value that does not meet a need. */
  mismatch(need: string, value: unknown): undefined {
    this.problem(`must be ${need}: found ${this.describe(value)}`);
  }

  /** Reports a value that must be a mapping or a list. */
  wrongKind(need: string, value: unknown): undefined {
    this.problem(`must be ${need}: found ${kindOf(value)}`);
  }

  /** Reports a warning, which does not prevent a start. */
  warn(message: string): void {
    const { warnings } = this.#diagnostics;
    const line = this.line();
    if (warnings.length < MAX_PROBLEMS) {
      warnings.push(`${printablePath(this.path)}: ${message}${line === undefined ? "" : ` (line ${line})`}`);
    }
  }

  /** Returns the value for a message, or a substitute if it came from a placeholder. */
  describe(value: unknown): string {
    const isSecret = this.isSecret || (typeof value === "string" && this.secrets.includes(value));
    return isSecret ? "the value of a placeholder" : describe(value);
  }

  /** Returns the line of the value, or of the closest value around it: a missing value has no line of its own. */
  line(): number | undefined {
    return this.#diagnostics.source?.lineOf?.(this.path) ?? this.#parent?.line();
  }
}
