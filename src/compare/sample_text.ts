/** Values as short texts, for people to look at. */

import { ELEMENT, type Segment } from "../config/answer_path.ts";
import { shorten } from "../config/describe.ts";
import { ExactNumber } from "./exact_json.ts";
import { isJsonObject } from "./json_value.ts";
import type { Redactor } from "./redactor.ts";

const MAX_LENGTH = 200;
/** What of a secret goes into its hash. */
const MAX_HASHED_LENGTH = 1_000;

/**
 * Shows a value of a JSON document.
 *
 * @param value The value.
 * @param segments Where it is.
 * @param redactor What is kept out.
 * @returns Its JSON text, at most 200 characters of it.
 */
export function sampleOfJson(value: unknown, segments: readonly Segment[], redactor: Redactor): string {
  if (redactor.hidesJson(segments)) return redactor.replace(new Writer(undefined, MAX_HASHED_LENGTH).write(value, []));
  return shorten(redactor.clean(new Writer(redactor, MAX_LENGTH + 1).write(value, [...segments])), MAX_LENGTH);
}

/**
 * Shows a text.
 *
 * @param text The text.
 * @param redactor What is kept out.
 * @returns At most 200 characters of it.
 */
export function sampleOfText(text: string, redactor: Redactor): string {
  return shorten(redactor.clean(text.slice(0, 4 * MAX_LENGTH)), MAX_LENGTH);
}

/** Writes JSON until it is long enough: each level takes a character at least, so that the depth has a bound, too. */
class Writer {
  readonly #redactor: Redactor | undefined;
  readonly #maxLength: number;
  #text = "";

  constructor(redactor: Redactor | undefined, maxLength: number) {
    this.#redactor = redactor;
    this.#maxLength = maxLength;
  }

  write(value: unknown, path: Segment[]): string {
    this.#write(value, path);
    return this.#text;
  }

  #write(value: unknown, path: Segment[]): void {
    if (value instanceof ExactNumber) this.#text += value.text.slice(0, this.#maxLength);
    else if (Array.isArray(value)) this.#writeArray(value, path);
    else if (isJsonObject(value)) this.#writeObject(value, path);
    else this.#text += JSON.stringify(typeof value === "string" ? value.slice(0, this.#maxLength) : value);
  }

  #writeArray(array: readonly unknown[], path: Segment[]): void {
    this.#text += "[";
    path.push(ELEMENT);
    for (const [index, element] of array.entries()) {
      if (this.#text.length >= this.#maxLength) break;
      if (index > 0) this.#text += ",";
      this.#writeUnlessSecret(element, path);
    }
    path.pop();
    this.#text += "]";
  }

  #writeObject(object: Readonly<Record<string, unknown>>, path: Segment[]): void {
    this.#text += "{";
    for (const [index, key] of Object.keys(object).entries()) {
      if (this.#text.length >= this.#maxLength) break;
      this.#text += `${index > 0 ? "," : ""}${JSON.stringify(key.slice(0, this.#maxLength))}:`;
      path.push(key);
      this.#writeUnlessSecret(object[key], path);
      path.pop();
    }
    this.#text += "}";
  }

  #writeUnlessSecret(value: unknown, path: Segment[]): void {
    if (this.#redactor?.hidesJson(path)) this.#text += JSON.stringify(sampleOfJson(value, path, this.#redactor));
    else this.#write(value, path);
  }
}
