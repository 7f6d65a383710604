/** What is kept out of samples: values whose name says that they are secret, and what the configuration names. */

import { type AnswerPath, matchesName, matchesSteps, type Segment } from "../config/answer_path.ts";
import { type HashKey, textHash } from "./text_hash.ts";

/** Names in lower case without `-` and `_`: short ones as they are, longer ones at the end of another, too. */
const SECRET_NAME = new RegExp(
  "^(?:pass|pan|pin|pincode|otp|ssn|session|cookie)$|" +
    "(?:passwords?|passwd|pwd|passphrase|secrets?|secretkey|privatekey|token|apikeys?|accesskey|authorization|" +
    "credentials?|sessionid|setcookie|jwt|csrf|xsrf|cardnumber|creditcard|cvc|cvv|cvv2|iban)$",
);
const ASSIGNED = new RegExp(
  "((?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|authorization|session(?:[-_]?id)?|jwt)" +
    "[\"']?\\s{0,8}[=:]\\s{0,8}[\"']?)([^\\s&\"',;<>]+)",
  "giu",
);
const BEARER = /\b(bearer |basic )([\w.~+/=-]{6,})/giu;
const JSON_WEB_TOKEN = /()(\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?)/gu;
/** What stands before the host in `https://name:password@host`. */
const USER_INFO = /(\/\/[^/\s:@]*:)([^/\s@]+)(?=@)/gu;

/** Hides values. */
export class Redactor {
  readonly #paths: readonly AnswerPath[];
  readonly #key: HashKey;

  /**
   * Made once for a configuration.
   *
   * @param paths What is hidden besides.
   * @param key The key of the hashes.
   */
  constructor(paths: readonly AnswerPath[], key: HashKey) {
    this.#paths = paths;
    this.#key = key;
  }

  /**
   * Tells whether a value in a JSON document, or what it is inside of, is secret.
   *
   * @param segments Where it is.
   * @returns Whether it is.
   */
  hidesJson(segments: readonly Segment[]): boolean {
    if (this.hidesBody()) return true;
    return segments.some((segment) => typeof segment === "string" && isSecretName(segment)) ||
      this.#paths.some((path) => path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true }));
  }

  /**
   * Tells whether a header field, or a field of a form, is secret.
   *
   * @param kind Which of the two.
   * @param name Its name, in lower case for a header field.
   * @returns Whether it is.
   */
  hidesField(kind: "header" | "form", name: string): boolean {
    if (kind === "form" && this.hidesBody()) return true;
    return isSecretName(name) || this.#paths.some((path) => path.kind === kind && matchesName(path.name, name));
  }

  /** Whether everything in bodies is secret. */
  hidesBody(): boolean {
    return this.#paths.some(({ kind }) => kind === "body");
  }

  /**
   * Stands in for a secret.
   *
   * @param text The secret.
   * @returns Text that tells two secrets apart: `[redacted 3f9a]`.
   */
  replace(text: string): string {
    return `[redacted ${textHash(text, this.#key)}]`;
  }

  /**
   * Hides what looks like a secret within a text: `token=…`, `Bearer …`, `//name:password@host`, JSON Web Tokens.
   *
   * @param text Any text, not long.
   * @returns The text without.
   */
  clean(text: string): string {
    const hide = (_: string, before: string, secret: string) =>
      secret.startsWith("[redacted") || /^(?:bearer|basic)$/iu.test(secret)
        ? before + secret
        : before + this.replace(secret);
    return text.replace(BEARER, hide).replace(JSON_WEB_TOKEN, hide).replace(ASSIGNED, hide).replace(USER_INFO, hide);
  }
}

/**
 * Tells whether what has a name is a secret.
 *
 * @param name The name of a field, key or parameter.
 * @returns Whether its name says so.
 */
export function isSecretName(name: string): boolean {
  return name.length <= 200 && SECRET_NAME.test(name.replaceAll(/[-_\s]/g, "").toLowerCase());
}
