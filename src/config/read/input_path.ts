/** Where in the input a check is, and what it has to say there. */

import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { childPath, describe, kindOf, printablePath } from "../schema/describe.ts";
import type { ConfigSource } from "./source.ts";

/** Past this many problems nobody reads on, and a hostile file must not cost more. */
const MAX_PROBLEMS = 1_000;

/** What all checks of one input have found. */
export interface Diagnostics {
  /** What is known of the text; absent for a plain object. */
  readonly source: ConfigSource | undefined;
  /** What is wrong. */
  readonly problems: ConfigProblem[];
  /** What has no effect, or another than may be expected. */
  readonly warnings: string[];
}

/** One value's place in the input. */
export class InputPath {
  readonly #findings: Diagnostics;
  readonly #parent: InputPath | undefined;
  readonly #key: string | number;

  /**
   * Starts at the whole input.
   *
   * @param findings Where problems and warnings go.
   * @param parent The place that this one is in.
   * @param key The key or index there.
   */
  constructor(findings: Diagnostics, parent?: InputPath, key: string | number = "") {
    this.#findings = findings;
    this.#parent = parent;
    this.#key = key;
  }

  /** The path, as messages show it; empty for the whole input. */
  get path(): string {
    return this.#parent === undefined ? "" : childPath(this.#parent.path, this.#key);
  }

  /** Whether the input was read from a text, with its placeholders resolved. */
  get isFromText(): boolean {
    return this.#findings.source !== undefined;
  }

  /** Text of the value before its placeholders were resolved; `undefined` if it had none. */
  get template(): string | undefined {
    return this.#findings.source?.templateOf?.(this.path);
  }

  /** Whether the value came from a placeholder. */
  get isSecret(): boolean {
    return this.template !== undefined;
  }

  /** Texts from placeholders anywhere in the input. */
  get secrets(): readonly string[] {
    return this.#findings.source?.secrets ?? [];
  }

  /** Whether the value could not be read, which has been reported. */
  get isUnknown(): boolean {
    const isUnknown = this.#findings.source?.isUnknown;
    return isUnknown !== undefined && isUnknown(this.path);
  }

  /**
   * Goes to a value inside this one.
   *
   * @param key The key or index.
   * @returns The inner place.
   */
  child(key: string | number): InputPath {
    return new InputPath(this.#findings, this, key);
  }

  /**
   * Reports a problem.
   *
   * @param message What is needed, and what was found, without secrets.
   * @returns Nothing, for `return at.problem(…)`.
   */
  problem(message: string): undefined {
    const { problems } = this.#findings;
    const line = this.line();
    problems.push({ path: this.path, message, ...(line === undefined ? {} : { line }) });
    if (problems.length >= MAX_PROBLEMS) throw new ConfigError(problems);
  }

  /**
   * Reports a value that is not what is needed.
   *
   * @param need What the value must be.
   * @param value The value found.
   * @returns Nothing, for `return at.mismatch(…)`.
   */
  mismatch(need: string, value: unknown): undefined {
    this.problem(`must be ${need}: found ${this.describe(value)}`);
  }

  /**
   * Reports a value that must be a mapping or a list.
   *
   * @param need Required kind of the value.
   * @param value The value found.
   * @returns Nothing, for `return at.wrongKind(…)`.
   */
  wrongKind(need: string, value: unknown): undefined {
    this.problem(`must be ${need}: found ${kindOf(value)}`);
  }

  /**
   * Reports what does not prevent a start.
   *
   * @param message What the user should know.
   */
  warn(message: string): void {
    const { warnings } = this.#findings;
    const line = this.line();
    if (warnings.length < MAX_PROBLEMS) {
      warnings.push(`${printablePath(this.path)}: ${message}${line === undefined ? "" : ` (line ${line})`}`);
    }
  }

  /**
   * Shows the value, unless it came from a placeholder.
   *
   * @param value The value at this place.
   * @returns Text for a message.
   */
  describe(value: unknown): string {
    return this.isSecret ? "the value of a placeholder" : describe(value);
  }

  /**
   * Finds the line. What is missing has none of its own: that of the mapping around it helps.
   *
   * @returns The line, counted from 1; `undefined` where it cannot be told.
   */
  line(): number | undefined {
    return this.#findings.source?.lineOf?.(this.path) ?? this.#parent?.line();
  }
}
