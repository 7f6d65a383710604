/** Samples: values as short texts without secrets. */

import { ELEMENT, type Segment } from "../config/body_path.ts";
import { shorten } from "../config/schema/describe.ts";
import { ExactNumber, isJsonObject, type JsonObject } from "../lib/exact_json.ts";
import { isSecretMember } from "../lib/secret_names.ts";
import type { Redactor } from "./redactor.ts";

/** Maximum length of a sample in characters. */
const MAX_LENGTH = 200;
/** Ratio of searched to shown text. A secret that is cut off might not be recognised. */
const SEARCH_FACTOR = 4;
/** Maximum depth of a sample. Deeper values would not be read, and recursion could overflow the stack. */
const MAX_DEPTH = 200;
/** Maximum characters of a secret that are hashed. */
const MAX_HASHED_LENGTH = 1_000;

/** Returns the beginning of a value's JSON text. `segments` is the path of the value in its document. */
export function sampleOfJson(
  value: unknown,
  segments: readonly Segment[],
  redactor: Redactor,
  maxLength: number = MAX_LENGTH,
): string {
  if (redactor.hidesJson(segments)) return sampleOfSecret(value, redactor);
  return shorten(new Writer(redactor, maxLength + 1).write(value, [...segments]), maxLength);
}

/** Returns the JSON text of a value with its secrets; `undefined` if it is longer. */
export function textOfJson(value: unknown, maxLength: number): string | undefined {
  const text = new Writer(undefined, maxLength + 1).write(value, []);
  return text.length > maxLength ? undefined : text;
}

/** Returns the mark that stands for a secret JSON value. */
export function sampleOfSecret(value: unknown, redactor: Redactor): string {
  return redactor.replace(new Writer(undefined, MAX_HASHED_LENGTH).write(value, []));
}

/** Returns the beginning of a text. */
export function sampleOfText(text: string, redactor: Redactor, maxLength: number = MAX_LENGTH): string {
  return shorten(redactor.clean(text.slice(0, SEARCH_FACTOR * maxLength)), maxLength);
}

/** Returns the beginning of a request path. The path has no query. */
export function sampleOfPath(path: string, redactor: Redactor): string {
  return shorten(redactor.cleanPath(path.slice(0, SEARCH_FACTOR * MAX_LENGTH)), MAX_LENGTH);
}

/** Writes JSON until the maximum length or depth is reached. */
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
    else this.#text += JSON.stringify(typeof value === "string" ? this.#clean(value) : value);
  }

  /** Cleans keys as well as strings: a string may contain a document with secrets, and a key may be a secret. */
  #clean(text: string): string {
    const beginning = text.slice(0, SEARCH_FACTOR * this.#maxLength);
    return (this.#redactor?.clean(beginning) ?? beginning).slice(0, this.#maxLength);
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

  #writeObject(object: JsonObject, path: Segment[]): void {
    this.#text += "{";
    for (const [index, key] of Object.keys(object).entries()) {
      if (this.#text.length >= this.#maxLength) break;
      this.#text += `${index > 0 ? "," : ""}${JSON.stringify(this.#clean(key))}:`;
      path.push(key);
      this.#writeUnlessSecret(object[key], path, isSecretMember(object, key));
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
