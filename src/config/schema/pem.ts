/** Certificates and keys as PEM text (RFC 7468): `-----BEGIN CERTIFICATE-----` and what follows. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

/** What the text must hold. */
export type PemContent = "certificate" | "private key";

const LABELS: Readonly<Record<PemContent, string>> = {
  certificate: "CERTIFICATE",
  "private key": "(?:RSA |EC )?PRIVATE KEY",
};

/**
 * PEM text with at least one block of a kind. Whether the bytes in it make sense, and fit each other, is for those to
 * tell who use them.
 *
 * @param content What the text must hold.
 * @returns The type.
 */
export function pem(content: PemContent): ValueType<string> {
  const block = `-----BEGIN ${LABELS[content]}-----\\s[^-]+-----END ${LABELS[content]}-----`;
  const pattern = new RegExp(block);
  return {
    label: "PEM text",
    schema: { type: "string", pattern: orPlaceholder(block) },
    parse(value, at) {
      if (typeof value !== "string") return at.mismatch(`the PEM text of a ${content}`, value);
      if (pattern.test(value)) return value;
      if (value.includes("-----BEGIN ENCRYPTED")) {
        return at.problem("must not be encrypted: nobody is asked for its pass phrase");
      }
      // Almost always a path: every other server takes one here.
      const hint = at.isSecret || value.includes("-----") ? "" : "; ${file:PATH} stands for the content of a file";
      // Whatever was meant as a key is not shown, broken as it may be.
      const found = content === "private key" && !at.isSecret ? "other text" : at.describe(value);
      return at.problem(`must be the PEM text of a ${content}: found ${found}${hint}`);
    },
  };
}
