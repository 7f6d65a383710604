/** Values as short texts, for people to look at. */

import { ELEMENT, type Segment } from "../config/body_path.ts";
import { shorten } from "../config/schema/describe.ts";
import { ExactNumber } from "../lib/exact_json.ts";
import { isJsonObject } from "../lib/json_value.ts";
import { isPrivateKeyMember } from "../lib/secret_names.ts";
import type { Redactor } from "./redactor.ts";

const MAX_LENGTH = 200;
/** More text is searched than shown: a secret that is cut off might not be recognised. */
const LOOKED_AT_FACTOR = 4;
/** Below this nobody reads on, and the stack must not get as deep as a body can be. */
const MAX_DEPTH = 200;
/** What of a secret goes into its hash. */
const MAX_HASHED_LENGTH = 1_000;

/**
 * Shows a value of a JSON document.
 *
 * @param value The value.
 * @param segments Where it is.
 * @param redactor Hides the secrets.
 * @param maxLength How much of it is shown, in characters. Default: 200.
 * @returns Its JSON text, or the beginning of it.
 */
export function sampleOfJson(
  value: unknown,
  segments: readonly Segment[],
  redactor: Redactor,
  maxLength: number = MAX_LENGTH,
): string {
  if (redactor.hidesJson(segments)) return sampleOfSecret(value, redactor);
  return shorten(new Writer(redactor, maxLength + 1).write(value, [...segments]), maxLength);
}

/** Returns a mark for a value of a JSON document that is secret. */
export function sampleOfSecret(value: unknown, redactor: Redactor): string {
  return redactor.replace(new Writer(undefined, MAX_HASHED_LENGTH).write(value, []));
}

/**
 * Shows a text.
 *
 * @param text The text.
 * @param redactor Hides the secrets.
 * @param maxLength How much of it is shown, in characters. Default: 200.
 * @returns The text, or the beginning of it.
 */
export function sampleOfText(text: string, redactor: Redactor, maxLength: number = MAX_LENGTH): string {
  return shorten(redactor.clean(text.slice(0, LOOKED_AT_FACTOR * maxLength)), maxLength);
}

/**
 * Returns a sample of a request's path.
 *
 * @param path The path, without the query.
 * @param redactor Hides the secrets.
 * @returns At most 200 characters.
 */
export function sampleOfPath(path: string, redactor: Redactor): string {
  return shorten(redactor.cleanPath(path.slice(0, LOOKED_AT_FACTOR * MAX_LENGTH)), MAX_LENGTH);
}

/** Writes JSON until it is long enough, or too deep. */
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
    if (path.length >= MAX_DEPTH) this.#text += "…";
    else if (value instanceof ExactNumber) this.#text += value.text.slice(0, this.#maxLength);
    else if (Array.isArray(value)) this.#writeArray(value, path);
    else if (isJsonObject(value)) this.#writeObject(value, path);
    else this.#text += JSON.stringify(typeof value === "string" ? this.#shown(value) : value);
  }

  /** Cleans keys as well as strings: a string may contain a document with secrets, and a key may be a secret. */
  #shown(text: string): string {
    const begin = text.slice(0, LOOKED_AT_FACTOR * this.#maxLength);
    return (this.#redactor?.clean(begin) ?? begin).slice(0, this.#maxLength);
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
      this.#text += `${index > 0 ? "," : ""}${JSON.stringify(this.#shown(key))}:`;
      path.push(key);
      this.#writeUnlessSecret(object[key], path, isPrivateKeyMember(object, key));
      path.pop();
    }
    this.#text += "}";
  }

  #writeUnlessSecret(value: unknown, path: Segment[], isSecret = false): void {
    if (this.#redactor !== undefined && (isSecret || this.#redactor.hidesJson(path, path.length - 1))) {
      this.#text += JSON.stringify(sampleOfSecret(value, this.#redactor));
    } else this.#write(value, path);
  }
}
