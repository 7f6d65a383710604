/** Redacts header lines and configurations. */

import type { Config, HeaderLine } from "../config/config.ts";
import { KnownSecrets } from "../lib/known_secrets.ts";
import { isSecretName } from "../lib/secret_names.ts";
import { REDACTED, redactPath, redactText } from "../lib/secret_text.ts";
import { mergeRanges, replaceRanges } from "../lib/text_ranges.ts";
import type { ConductorEvent } from "./events.ts";

/** Redacts secrets before output. */
export interface Redaction {
  /** Returns a header line with a mark instead of a secret value. Longer values are truncated to `maxLength`. */
  line(line: HeaderLine, maxLength?: number): HeaderLine;
  /** Returns a text of the configuration, or a mark if it contains a secret. */
  text(text: string): string;
  /** Returns a message of the platform or a service with marks instead of its secrets. */
  words(text: string): string;
}

/** Matches values that may be a URL. Other values have no query: `if-none-match: "a?b"`. */
const URL_LIKE = /:\/\/|(?:^|[\s=<])\//;
/** Queries and fragments are hidden whole, because parameters with harmless names may have secret values. */
const QUERY = /([?#])[^\s<>"']+/g;

/**
 * Creates a redaction with the secrets of a configuration: values of placeholders, the token of the admin listener,
 * keys, and values of header fields with secret names.
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
    words: (text) => redactText(replaceRanges(text, mergeRanges(secrets.find(text)), () => REDACTED)),
  };
}

/** Returns the mark for a secret. It shows only the length. */
export function redacted(text: string): string {
  return `[redacted, ${text.length} ${text.length === 1 ? "byte" : "bytes"}]`;
}

/** Removes secrets from an event for observers outside conductor, which may print it. */
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
