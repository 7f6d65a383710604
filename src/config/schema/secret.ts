/** Certificates, private keys and tokens. */

import { quote } from "./describe.ts";
import { orPlaceholder, type ValueType } from "./value_type.ts";

/** Content of a PEM text. */
export type PemContent = "certificate" | "private key";

const PEM_LABELS: Readonly<Record<PemContent, string>> = {
  certificate: "CERTIFICATE",
  "private key": "(?:RSA |EC )?PRIVATE KEY",
};

/** Shorter tokens can be guessed. */
export const MIN_TOKEN_LENGTH = 16;
const MAX_TOKEN_LENGTH = 512;
/** Characters that all header fields and URLs can carry (RFC 6750 §2.1). */
const TOKEN = new RegExp(`^[A-Za-z0-9._~+/=-]{${MIN_TOKEN_LENGTH},${MAX_TOKEN_LENGTH}}$`);

/**
 * Returns the type of PEM texts (RFC 7468) with at least one block of a kind. The bytes inside are verified when they
 * are used.
 */
export function pem(content: PemContent): ValueType<string> {
  const block = `-----BEGIN ${PEM_LABELS[content]}-----\\s[^-]+-----END ${PEM_LABELS[content]}-----`;
  const pattern = new RegExp(block);
  return {
    label: "PEM text",
    input: "string",
    notation: "PEM text.",
    schema: { type: "string", pattern: orPlaceholder(block) },
    parse(value, at) {
      if (typeof value !== "string") return at.mismatch(`the PEM text of a ${content}`, value);
      if (pattern.test(value)) return value;
      if (value.includes("-----BEGIN ENCRYPTED")) {
        const file = fileOf(at.template);
        const origin = file === undefined ? "" : `: found an encrypted key in the file ${quote(file)}`;
        return at.problem(`must not be encrypted: passphrases are not supported${origin}`);
      }
      // Other text is usually a path, because most servers take one here.
      const hint = at.isSecret || value.includes("-----") ? "" : "; ${file:PATH} stands for the content of a file";
      // A malformed private key may still be a secret, so it is not shown.
      const found = content === "private key" && !at.isSecret ? "other text" : at.describe(value);
      const file = fileOf(at.template);
      const origin = file === undefined ? "" : ` in the file ${quote(file)}`;
      return at.problem(
        `must be the PEM text of a ${content}: found ${file === undefined ? found : "other text"}${origin}${hint}`,
      );
    },
  };
}

/** Returns the file of a value that consists of one placeholder for a file. */
function fileOf(template: string | undefined): string | undefined {
  return /^\$\{file:([^{}]+)\}$/.exec(template ?? "")?.[1];
}

/** Returns the type of bearer tokens. Messages never show one: a malformed token may still be a secret. */
export function adminToken(): ValueType<string> {
  return {
    label: "text",
    input: "string",
    notation: `${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} letters, digits and \`-._~+/=\`.`,
    schema: { type: "string", pattern: orPlaceholder(TOKEN.source) },
    parse(value, at) {
      if (typeof value === "string" && TOKEN.test(value)) return value;
      return at.problem(
        `must be a token: ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} letters, digits and -._~+/= in quotes`,
      );
    },
  };
}
