/** Secrets that are known by their texts, such as credentials in the configuration. */

import type { TextRange } from "./text_ranges.ts";

/** Minimum length of a secret that is searched in texts. A shorter one may occur anywhere by chance. */
const MIN_PART_LENGTH = 8;

/**
 * A set of secrets.
 *
 * @example Usage
 * ```ts ignore
 * const secrets = new KnownSecrets(["s3cret-token"]);
 * secrets.areIn("token=s3cret-token"); // true
 * ```
 */
export class KnownSecrets {
  readonly #texts: ReadonlySet<string>;
  readonly #parts: readonly string[];

  /** Empty texts are ignored. */
  constructor(texts: Iterable<string>) {
    this.#texts = new Set([...texts].filter((text) => text !== ""));
    this.#parts = [...this.#texts].filter(({ length }) => length >= MIN_PART_LENGTH);
  }

  /** Reports whether a text is one of the secrets, or contains one of at least 8 characters. */
  areIn(text: string): boolean {
    return this.#texts.has(text) || this.#parts.some((part) => text.includes(part));
  }

  /** Finds the secrets of at least 8 characters. The ranges are not sorted, and may overlap. */
  find(text: string): TextRange[] {
    const ranges: TextRange[] = [];
    for (const part of this.#parts) {
      for (let start = text.indexOf(part); start !== -1; start = text.indexOf(part, start + part.length)) {
        ranges.push({ start, end: start + part.length });
      }
    }
    return ranges;
  }
}
