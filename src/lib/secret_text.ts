/** Secrets in texts of any format, found by their names or by their own form. */

import { findAssignedSecrets } from "./secret_assignments.ts";
import { findMarkupSecrets } from "./secret_markup.ts";
import { isSecretParameter } from "./secret_names.ts";
import { findSecretValues } from "./secret_values.ts";
import { mergeRanges, replaceRanges, type TextRange } from "./text_ranges.ts";

const PATH_PARAMETER = /;([^=;/]*)=([^;/]*)/g;
const URL_PARTS = /^([a-z][a-z\d+.-]*:\/\/[^/?#]*)?([^?#]*)(.*)$/is;

/** Replacement for a secret. */
export const REDACTED = "[redacted]";

/**
 * Finds the secrets in a text of any format: JSON, forms, URLs, header values, HTML, XML, lines. The time is linear in
 * the length of the text. A secret that is cut off extends to the end of the text. The ranges are sorted, and do not
 * overlap.
 */
export function findSecrets(text: string): TextRange[] {
  const ranges = [...findSecretValues(text), ...findAssignedSecrets(text), ...findMarkupSecrets(text)];
  return ranges.length === 0 ? ranges : mergeRanges(ranges);
}

/**
 * Replaces the secrets in a text, by default with {@linkcode REDACTED}.
 *
 * @example Usage
 * ```ts ignore
 * redactText("/cart;jsessionid=AB12?page=2"); // "/cart;jsessionid=[redacted]?page=2"
 * ```
 */
export function redactText(text: string, replace: (secret: string) => string = () => REDACTED): string {
  const ranges = findSecrets(text);
  return ranges.length === 0 ? text : replaceRanges(text, ranges, replace);
}

/** Replaces the secrets in a path without a query. Unlike in other texts, a path parameter ends at the next slash. */
export function redactPath(path: string, replace?: (secret: string) => string): string {
  if (!path.includes(";")) return redactText(path, replace);
  const shown = path.replaceAll(PATH_PARAMETER, (parameter, name: string, value: string) => {
    return isSecretParameter(name) ? `;${name}=${replace?.(value) ?? REDACTED}` : parameter;
  });
  return redactText(shown, replace);
}

/** Replaces the secrets in an absolute URL or a request target: user information, path, query and fragment. */
export function redactUrl(url: string): string {
  const [, origin = "", path = "", rest = ""] = URL_PARTS.exec(url) ?? [];
  return redactText(origin) + redactPath(path) + redactText(rest);
}
