/** The differences between two answers while they are being found. */

import type { Difference, DifferenceKind } from "./difference.ts";

/** Nobody reads on, and whoever counts them must keep them all. */
const MAX_DIFFERENCES = 100;

/** The values of a difference, as short texts; only asked for where they are kept. */
export interface SampleSource {
  /** Makes a sample of the primary's value; absent where it has none. */
  readonly expected?: () => string;
  /** Makes a sample of the other's value; absent where it has none. */
  readonly actual?: () => string;
}

/** Collects differences, one for each path. */
export class DifferenceList {
  readonly #byPath = new Map<string, Difference>();
  readonly #hasSamples: boolean;

  /**
   * Starts without any.
   *
   * @param options Whether samples are kept.
   */
  constructor({ hasSamples }: { readonly hasSamples: boolean }) {
    this.#hasSamples = hasSamples;
  }

  /** Whether no more will be taken. */
  get isFull(): boolean {
    return this.#byPath.size >= MAX_DIFFERENCES;
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#byPath.size === 0;
  }

  /**
   * Adds a difference, unless there is one at its path.
   *
   * @param path Where.
   * @param kind What is different.
   * @param samples The values.
   */
  add(path: string, kind: DifferenceKind, { expected, actual }: SampleSource = {}): void {
    if (this.isFull || this.#byPath.has(path)) return;
    this.#byPath.set(path, {
      path,
      kind,
      ...(this.#hasSamples && expected !== undefined ? { expected: expected() } : {}),
      ...(this.#hasSamples && actual !== undefined ? { actual: actual() } : {}),
    });
  }

  /** All of them, in the order in which they were found. */
  toArray(): Difference[] {
    return [...this.#byPath.values()];
  }
}
