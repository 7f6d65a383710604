/** Keeps secrets out of samples: by the common rule for secrets, and by the paths of `compare.redact`. */

import { type BodyPath, matchesName, matchesSteps, type Segment } from "../config/body_path.ts";
import type { KnownSecrets } from "../lib/known_secrets.ts";
import { isSecretName, isSecretParameter } from "../lib/secret_names.ts";
import { findSecrets, redactPath } from "../lib/secret_text.ts";
import { mergeRanges, replaceRanges, type TextRange } from "../lib/text_ranges.ts";
import { type HashKey, textHash } from "../lib/text_hash.ts";

/** Hides values. */
export class Redactor {
  readonly #paths: readonly BodyPath[];
  readonly #key: HashKey;
  readonly #known: KnownSecrets;

  /**
   * Created once for each configuration.
   *
   * @param paths Paths of further values to hide.
   * @param options The key of the hashes, and the secrets of the configuration: a response may repeat them.
   */
  constructor(paths: readonly BodyPath[], { key, known }: { readonly key: HashKey; readonly known: KnownSecrets }) {
    this.#paths = paths;
    this.#key = key;
    this.#known = known;
  }

  /**
   * Reports whether a value in a JSON document, or a value that contains it, is secret.
   *
   * @param segments Keys and elements on the path to the value.
   * @param from Index of the first segment to check. Earlier segments have been checked already.
   */
  hidesJson(segments: readonly Segment[], from = 0): boolean {
    if (this.hidesBody()) return true;
    for (let at = from; at < segments.length; at++) {
      const segment = segments[at]!;
      if (typeof segment === "string" && isSecretName(segment)) return true;
    }
    return this.#paths.some((path) => path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true }));
  }

  /**
   * Reports whether a header field or a form field is secret.
   *
   * @param kind Kind of the field.
   * @param name Its name, in lower case for a header field.
   */
  hidesField(kind: "header" | "form", name: string): boolean {
    if (kind === "form" && this.hidesBody()) return true;
    return (kind === "form" ? isSecretParameter(name) : isSecretName(name)) ||
      this.#paths.some((path) => path.kind === kind && matchesName(path.name, name));
  }

  /** Whether everything in bodies is secret. */
  hidesBody(): boolean {
    return this.#paths.some(({ kind }) => kind === "body");
  }

  /** Returns a mark that differs between secrets: `[redacted 3f9a]`. */
  replace(text: string): string {
    return `[redacted ${textHash(text, this.#key)}]`;
  }

  /** Finds the secrets within a text: sorted ranges that do not overlap. */
  find(text: string): TextRange[] {
    return mergeRanges([...findSecrets(text), ...this.#known.find(text)]);
  }

  /** Hides the secrets within a text. */
  clean(text: string): string {
    return replaceRanges(text, this.find(text), (secret) => this.replace(secret));
  }

  /** Hides the secrets within the path of a request. */
  cleanPath(path: string): string {
    return redactPath(path, (secret) => this.replace(secret));
  }
}
