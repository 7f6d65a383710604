/** Hides secrets in samples: by the common rules for secrets, and by the paths of `compare.redact`. */

import { type BodyPath, matchesName, matchesSteps, type Segment } from "../config/body_path.ts";
import type { KnownSecrets } from "../lib/known_secrets.ts";
import { decodeName, isSecretName, isSecretParameter } from "../lib/secret_names.ts";
import { findSecrets, redactPath } from "../lib/secret_text.ts";
import { mergeRanges, replaceRanges, type TextRange } from "../lib/text_ranges.ts";

/** Key of the hashes that stand for secrets: two random 32-bit integers. */
export type HashKey = readonly [first: number, second: number];

/** Hides secrets in values, texts and request paths. */
export class Redactor {
  readonly #paths: readonly BodyPath[];
  readonly #key: HashKey;
  readonly #known: KnownSecrets;

  /** Hides the values at `paths` as well, and `known`: secrets of the configuration, which a response may repeat. */
  constructor(paths: readonly BodyPath[], { key, known }: { readonly key: HashKey; readonly known: KnownSecrets }) {
    this.#paths = paths;
    this.#key = key;
    this.#known = known;
  }

  /** True if `compare.redact` has paths into JSON, which only a parsed document can follow. */
  get hasJsonPaths(): boolean {
    return this.#paths.some(({ kind }) => kind === "json");
  }

  /**
   * Reports whether a value in a JSON document, or a value that contains it, is secret. Segments before the index
   * `from` are not checked by name.
   */
  hidesJson(segments: readonly Segment[], from: number = 0): boolean {
    if (this.hidesBody()) return true;
    for (let at = from; at < segments.length; at++) {
      const segment = segments[at]!;
      if (typeof segment === "string" && isSecretName(segment)) return true;
    }
    return this.#paths.some((path) => path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true }));
  }

  /** Reports whether a header field or a form field is secret. Names of header fields are in lower case. */
  hidesField(kind: "header" | "form", name: string): boolean {
    if (kind === "form" && this.hidesBody()) return true;
    return (kind === "form" ? isSecretParameter(name) : isSecretName(name)) ||
      this.#paths.some((path) => path.kind === kind && matchesName(path.name, name));
  }

  /** Reports whether a parameter of a URL or a form field is secret, by its name as sent. */
  hidesParameter(name: string): boolean {
    return isSecretParameter(name) ||
      this.#paths.some((path) => path.kind === "form" && matchesName(path.name, decodeName(name)));
  }

  /** Reports whether all content of bodies is secret. */
  hidesBody(): boolean {
    return this.#paths.some(({ kind }) => kind === "body");
  }

  /** Returns a mark such as `[redacted 3f9a]`. Equal secrets have equal marks; different secrets rarely do. */
  replace(text: string): string {
    return `[redacted ${keyedHash(text, this.#key)}]`;
  }

  /** Returns the ranges of the secrets in a text, sorted and without overlaps. */
  find(text: string): TextRange[] {
    return mergeRanges([...findSecrets(text), ...this.#known.find(text)]);
  }

  /** Hides the secrets in a text. */
  clean(text: string): string {
    return replaceRanges(text, this.find(text), (secret) => this.replace(secret));
  }

  /** Hides the secrets in a request path. */
  cleanPath(path: string): string {
    return redactPath(path, (secret) => this.replace(secret));
  }
}

/**
 * Returns four hexadecimal digits, which are too few to recover a secret from. One in 65,536 pairs of texts collides.
 */
function keyedHash(text: string, [first, second]: HashKey): string {
  let hash = first ^ text.length;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ second, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) & 0xffff).toString(16).padStart(4, "0");
}
