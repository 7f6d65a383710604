/** What must not be shown of header lines and of configurations. */

import type { Config, HeaderLine } from "../config/config.ts";
import { CREDENTIAL_FIELDS } from "../config/credential_fields.ts";

/** Takes secrets out of what is shown. */
export interface Redaction {
  /**
   * Redacts one header line.
   *
   * @param line The name and the value.
   * @returns The line with its value, or with what stands for it.
   */
  line(line: HeaderLine): HeaderLine;
  /**
   * Redacts a text of the configuration.
   *
   * @param text The text.
   * @returns The text, or what stands for it.
   */
  text(text: string): string;
}

/** Names that say themselves that their values are secrets: `x-vault-token`, `client_secret`, `Idempotency-Key`. */
const SECRET_NAME =
  /(?:^|[-_.])(?:[a-z]*(?:token|secret|password|passwd|apikey|cookie)|keys?|pwd|auth|authorization|sessions?|sessionid|sid|credentials?|signature|sig|jwt|otp|csrf|xsrf|saml|assertion)s?(?:$|[-_.\d])/;
const SECRET_NAMES: ReadonlySet<string> = new Set([...CREDENTIAL_FIELDS, "set-cookie", "authentication-info"]);
/** What is not a URL has no query: `if-none-match: "a?b"`. */
const URL_LIKE = /:\/\/|(?:^|[\s=<])\//;
/** Whatever stands between a scheme and a host with `@`, and whatever follows a path. */
const USER_INFO = /(:\/\/)[^/?#\s@]*(?=@)/g;
const QUERY = /([?#])[^\s<>"']+/g;
/** A shorter text may turn up anywhere, without being the secret. */
const MIN_PART_LENGTH = 8;

/**
 * Prepares to redact by what a configuration knows as secret: values of placeholders, the admin listener's token, keys, and
 * header values whose names say so.
 *
 * @param config The configuration.
 * @returns The means to redact.
 */
export function createRedaction(config: Config): Redaction {
  const secrets = secretsOf(config);
  const parts = [...secrets].filter((secret) => secret.length >= MIN_PART_LENGTH);
  const isSecret = (text: string) => secrets.has(text) || parts.some((part) => text.includes(part));
  return {
    line: (line) => {
      const [name, value] = line;
      if (isSecretName(name) || isSecret(value)) return [name, redacted(value)];
      if (!URL_LIKE.test(value)) return line;
      return [name, value.replace(USER_INFO, "$1[redacted]").replace(QUERY, "$1[redacted]")];
    },
    text: (text) => isSecret(text) ? redacted(text) : text,
  };
}

/**
 * Tells whether the value of a field is a secret by the name of the field.
 *
 * @param name The name, in capitals or not.
 * @returns Whether it is.
 */
export function isSecretName(name: string): boolean {
  const lower = name.toLowerCase();
  return SECRET_NAMES.has(lower) || SECRET_NAME.test(lower);
}

/**
 * Writes what stands for a secret.
 *
 * @param text The secret.
 * @returns Its length, and nothing else of it.
 */
export function redacted(text: string): string {
  return `[redacted, ${text.length} ${text.length === 1 ? "byte" : "bytes"}]`;
}

function secretsOf({ secrets, services, admin, tls }: Config): Set<string> {
  const found = new Set(secrets);
  for (const { headers, responseHeaders } of services) {
    for (const [name, value] of [...headers, ...responseHeaders]) if (isSecretName(name)) found.add(value);
  }
  if (admin?.token !== undefined) found.add(admin.token);
  if (tls !== undefined) found.add(tls.key);
  found.delete("");
  return found;
}
