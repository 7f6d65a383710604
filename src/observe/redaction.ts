/** What must not be shown of header lines and of configurations. */

import type { Config, HeaderLine } from "../config/config.ts";
import { KnownSecrets } from "../lib/known_secrets.ts";
import { isSecretName } from "../lib/secret_names.ts";
import { redactPath, redactText } from "../lib/secret_text.ts";
import type { ConductorEvent } from "./events.ts";

/** Takes secrets out of what is shown. */
export interface Redaction {
  /**
   * Redacts one header line.
   *
   * @param line The name and the value.
   * @param maxLength Characters of the value that are kept at most. Default: all.
   * @returns The line with its value, or with what stands for it.
   */
  line(line: HeaderLine, maxLength?: number): HeaderLine;
  /**
   * Redacts a text of the configuration.
   *
   * @param text The text.
   * @returns The text, or what stands for it.
   */
  text(text: string): string;
}

/** What is not a URL has no query: `if-none-match: "a?b"`. */
const URL_LIKE = /:\/\/|(?:^|[\s=<])\//;
/** Of a URL no parameter is shown: names that are no secrets may have values that are. */
const QUERY = /([?#])[^\s<>"']+/g;

/**
 * Prepares to redact by what a configuration knows as secret: values of placeholders, the admin listener's token, keys, and
 * header values whose names say so.
 *
 * @param config The configuration.
 * @returns The means to redact.
 */
export function createRedaction(config: Config): Redaction {
  const secrets = secretsOf(config);
  return {
    line: (line, maxLength = Infinity) => {
      const [name, value] = line;
      if (isSecretName(name) || secrets.areIn(value)) return [name, redacted(value)];
      const shown = redactText(value.slice(0, maxLength));
      return [name, URL_LIKE.test(shown) ? shown.replace(QUERY, "$1[redacted]") : shown];
    },
    text: (text) => secrets.areIn(text) ? redacted(text) : text,
  };
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

/** Takes secrets out of an event before code of others, which may print it, gets it. */
export function withoutSecrets(event: ConductorEvent): ConductorEvent {
  if (event.type !== "responded") return event;
  const path = redactPath(event.path);
  return path === event.path ? event : { ...event, path };
}

/** Collects the secrets of a configuration. */
export function secretsOf({ secrets, services, admin, tls }: Config): KnownSecrets {
  const found = [...secrets];
  for (const { headers, responseHeaders } of services) {
    for (const [name, value] of [...headers, ...responseHeaders]) if (isSecretName(name)) found.push(value);
  }
  if (admin?.token !== undefined) found.push(admin.token);
  if (tls !== undefined) found.push(tls.key);
  return new KnownSecrets(found);
}
