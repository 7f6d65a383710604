/**
 * Values that are secrets under any name: tokens with a known prefix, JSON Web Tokens, PEM blocks, credentials in URLs.
 *
 * A long random text alone does not count as a secret: identifiers, digests, entity tags and cursors look the same.
 * Every pattern takes linear time, because a match cannot begin in the middle of the characters that the pattern
 * repeats.
 */

import type { TextRange } from "./text_ranges.ts";

/** A kind of secret value. */
export interface SecretValueKind {
  readonly title: string;
  readonly pattern: string;
}

/**
 * Kinds that begin at the beginning of a word. Each repeats only characters of words and paths, in parts joined by
 * dots.
 */
export const SECRET_VALUES: readonly SecretValueKind[] = [
  {
    title: "JSON Web Tokens, with any prefix",
    pattern: String.raw`(?:(?:eyJ|ewog|ew0K)[\w-]{5,}(?:(?:\.[\w-]*){1,4}|$)|(?<!%)[\w-]+\.eyJ[\w-]{5,}\.[\w-]+)`,
  },
  {
    title: "hashes of passwords: bcrypt, Argon2, scrypt, PBKDF2, crypt",
    pattern: String
      .raw`(?:\$(?:2[abxy]|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]*|[1567y]|gy)\$[\w./$,=+]{20,}|pbkdf2_\w+\$\d+\$[\w./$=+]{20,})`,
  },
  { title: "AWS access key ids", pattern: String.raw`(?:AKIA|ASIA)[A-Z0-9]{16}(?![\w-])` },
  { title: "GitHub tokens", pattern: String.raw`(?:gh[oprsu]_[A-Za-z0-9]{10,}|github_pat_\w{10,})` },
  { title: "GitLab tokens", pattern: String.raw`gl(?:pat|ptt|rt|dt|cbt|ft|soat|agent|imt|ffct)-[\w-]{10,}` },
  { title: "Slack tokens", pattern: String.raw`(?:xox[a-z]|xapp)-[\w-]{8,}` },
  { title: "Stripe keys", pattern: String.raw`(?:[rs]k_(?:live|test)|whsec)_\w{8,}` },
  { title: "Google API keys and tokens", pattern: String.raw`(?:AIza[\w-]{30,}|ya29\.[\w-]{10,}|GOCSPX-[\w-]{10,})` },
  { title: "npm and PyPI tokens", pattern: String.raw`(?:npm_[A-Za-z0-9]{20,}|pypi-[\w-]{20,})` },
  { title: "OpenAI and Anthropic keys", pattern: String.raw`sk-[\w-]{20,}` },
  { title: "SendGrid keys", pattern: String.raw`SG\.[\w-]{10,}\.[\w-]{10,}` },
  { title: "Vault tokens", pattern: String.raw`hv[bsr]\.[\w-]{10,}` },
  { title: "Shopify and DigitalOcean tokens", pattern: String.raw`(?:shp(?:at|ca|pa|ss)|do[opr]_v1)_[a-f0-9]{20,}` },
  {
    title: "Slack and Discord webhooks",
    pattern: String.raw`(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/[\w/-]{10,}`,
  },
  { title: "Telegram bot tokens", pattern: String.raw`(?:bot)?\d{6,}:AA[\w-]{33}(?![\w-])` },
  { title: "Atlassian tokens", pattern: String.raw`AT[AC]TT3x[\w=-]{20,}` },
  {
    title: "Databricks, Figma, Grafana, Hugging Face, Linear and Notion tokens",
    pattern: String
      .raw`(?:dapi[a-f0-9]{32}|figd_[\w-]{20,}|glsa_\w{20,}|hf_[A-Za-z]{30,}|lin_api_\w{20,}|ntn_\w{20,})(?![\w-])`,
  },
  {
    title: "Docker, Postman and RubyGems tokens",
    pattern: String.raw`(?:dckr_pat_[\w-]{20,}|PMAK-[\w-]{20,}|rubygems_[a-f0-9]{40,})`,
  },
  {
    title: "Groq, Replicate, Sentry, Supabase, PlanetScale, Netlify and Terraform Cloud tokens",
    pattern: String
      .raw`(?:gsk_\w{20,}|r8_\w{30,}|sntry[su]_[\w=+/-]{20,}|sb[ps]_\w{20,}|pscale_\w+_[\w-]{20,}|nfp_\w{20,}|\w{14}\.atlasv1\.[\w-]{20,})`,
  },
  {
    title: "Mailgun, Mailchimp, Square and Twilio keys, Google refresh tokens",
    pattern: String
      .raw`(?:key-[a-f0-9]{32}|[a-f0-9]{32}-us\d{1,2}|sq0(?:atp|csp|idp)-[\w-]{20,}|SK[a-f0-9]{32}|1//0[\w-]{20,})(?![\w-])`,
  },
  { title: "age keys", pattern: String.raw`AGE-SECRET-KEY-1[A-Z0-9]{20,}` },
];

/** Beginning of a word, or of a value after a percent-encoded character. */
const START = String.raw`(?:(?<![\w-])|(?<=%[\dA-Fa-f]{2}))`;
const VALUE = new RegExp(String.raw`${START}(?:${SECRET_VALUES.map(({ pattern }) => pattern).join("|")})`, "g");
/** An authentication scheme and its credentials. */
const SCHEME = /(?<![\w-])(bearer|basic|dpop|negotiate|ntlm)[ \t]{1,8}([\w.~+/=-]{6,})/gi;
/** Characters that base64 has in addition to lower-case words: "basic authentication" is not a credential. */
const BASE64 = /[\dA-Z+/=]/;
/** User information of a URL, between `//` and the host. */
const AUTHORITY = /\/\/([^/?#\s"'<>\\]*)/g;
/** The same, percent-encoded as the value of a parameter. */
const ENCODED_AUTHORITY = /(?:%2F){2}((?:[^/?#\s"'<>\\&;%]|%(?!2F|3F|23)[\dA-F]{2})*)/gi;
const PEM_START = "-----BEGIN ";
const PEM_END = "-----END ";

/** Finds values that are secrets under any name, in time linear in the length of the text. */
export function findSecretValues(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  for (const { index, 0: found } of text.matchAll(VALUE)) ranges.push({ start: index, end: index + found.length });
  if (/[ \t]/.test(text)) addSchemes(text, ranges);
  if (text.includes("@")) {
    for (const { index, 1: authority = "" } of text.matchAll(AUTHORITY)) {
      const start = index + 2;
      ranges.push({ start, end: start + Math.max(0, authority.lastIndexOf("@")) });
    }
  }
  if (text.includes("%40")) {
    for (const { index, 1: authority = "" } of text.matchAll(ENCODED_AUTHORITY)) {
      const start = index + "%2F%2F".length;
      ranges.push({ start, end: start + Math.max(0, authority.lastIndexOf("%40")) });
    }
  }
  addPemBlocks(text, ranges);
  return ranges;
}

function addSchemes(text: string, ranges: TextRange[]): void {
  for (const { index, 0: found, 1: scheme = "", 2: value = "" } of text.matchAll(SCHEME)) {
    if (scheme.toLowerCase() === "basic" && !BASE64.test(value)) continue;
    const end = index + found.length;
    ranges.push({ start: end - value.length, end });
  }
}

/** Finds PEM blocks. A block without an end is cut off, so it extends to the end of the text. */
function addPemBlocks(text: string, ranges: TextRange[]): void {
  let start = text.indexOf(PEM_START);
  while (start !== -1) {
    const found = text.indexOf(PEM_END, start + PEM_START.length);
    const line = found === -1 ? -1 : text.indexOf("-----", found + PEM_END.length);
    const end = line === -1 ? text.length : line + 5;
    ranges.push({ start, end });
    start = text.indexOf(PEM_START, end);
  }
}
