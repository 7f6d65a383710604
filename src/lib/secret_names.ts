/**
 * Names of secrets: one rule for header fields, parameters, JSON keys, form fields, elements and attributes.
 *
 * A name is split into words at punctuation, digits and capitals: `apiKey` and `api_key2` are "api key". Plural words
 * are made singular. The words are looked up in the lists below. `docs/reference/redaction.md` is generated from them.
 */

/** Words that make a name secret at any position. */
export const SECRET_WORDS: readonly string[] = (
  "apikey aspxauth credential csrf dpop hmac jwe jws jwt macaroon mnemonic otp passcode passphrase passwd password passwort " +
  "psk pwd saml secret sig signature token totp wsse xsrf"
).split(" ");

/** Words that make a name secret as its last word: `auth` is secret, `auth-method` is not. */
export const SECRET_LAST_WORDS: readonly string[] = (
  "assertion auth authentication authorization bearer cert cookie cvc cvv iban key nonce oauth pan pass pin sess " +
  "session sid ssn"
).split(" ");

/** Pairs of adjacent words that make a name secret, also if written as one word (`apikey`). */
export const SECRET_PAIRS: readonly string[] = [
  "access code",
  "access key",
  "account key",
  "activation code",
  "api key",
  "app check",
  "app key",
  "auth code",
  "auth data",
  "auth hash",
  "auth header",
  "auth info",
  "auth key",
  "auth string",
  "auth ticket",
  "auth value",
  "authentication info",
  "authorization code",
  "authorization header",
  "backup code",
  "basic auth",
  "card number",
  "client cert",
  "client certificate",
  "client principal",
  "code verifier",
  "confirmation code",
  "connection string",
  "consumer key",
  "cookie header",
  "cookie jar",
  "cookie value",
  "credit card",
  "device code",
  "encryption key",
  "factor code",
  "honeycomb team",
  "key data",
  "key material",
  "key pem",
  "login code",
  "login link",
  "magic link",
  "master key",
  "mfa code",
  "oauth verifier",
  "oidc data",
  "pass phrase",
  "peer certificate",
  "pin code",
  "private key",
  "recovery code",
  "recovery phrase",
  "reset code",
  "reset link",
  "reset url",
  "secret answer",
  "secret key",
  "security code",
  "seed phrase",
  "sess id",
  "session code",
  "session data",
  "session guid",
  "session handle",
  "session hash",
  "session id",
  "session key",
  "session state",
  "session ticket",
  "session uuid",
  "shared key",
  "signing key",
  "sms code",
  "subscription key",
  "user code",
  "user pass",
  "verification code",
];

/** Pairs of words that are not secret, although one of the words alone is. */
export const HARMLESS_PAIRS: readonly string[] = [
  "accept signature",
  "account sid",
  "active session",
  "allow credential",
  "audio token",
  "auth scope",
  "boarding pass",
  "cache key",
  "cached token",
  "call sid",
  "category key",
  "child key",
  "column key",
  "completion token",
  "composite key",
  "config key",
  "continuation token",
  "country key",
  "cursor token",
  "deduplication key",
  "delta token",
  "entity key",
  "error key",
  "evaluated key",
  "factor authentication",
  "feature key",
  "field key",
  "flag key",
  "foreign key",
  "has password",
  "idempotency key",
  "image token",
  "index key",
  "input token",
  "issue key",
  "item key",
  "key pin",
  "label key",
  "language key",
  "limit token",
  "locale key",
  "lookup key",
  "max token",
  "message key",
  "message sid",
  "metric key",
  "natural key",
  "next token",
  "object key",
  "output token",
  "page token",
  "pagination token",
  "parent key",
  "partition key",
  "password changed",
  "password expired",
  "password length",
  "password policy",
  "password required",
  "password strength",
  "primary key",
  "project key",
  "prompt token",
  "property key",
  "public key",
  "range key",
  "reasoning token",
  "record key",
  "remaining token",
  "resume token",
  "routing key",
  "row key",
  "setting key",
  "shard key",
  "signature agent",
  "signature algorithm",
  "signature input",
  "signature method",
  "signature required",
  "signature timestamp",
  "signature type",
  "signature version",
  "skip token",
  "socket key",
  "sort key",
  "start key",
  "starting token",
  "status key",
  "storage key",
  "surrogate key",
  "sync token",
  "tag key",
  "token count",
  "token endpoint",
  "token expire",
  "token expiry",
  "token limit",
  "token remaining",
  "token type",
  "token usage",
  "total token",
  "translation key",
  "type key",
  "unique key",
  "websocket key",
];

/** Endings that make a word secret, for names written without punctuation: `csrfmiddlewaretoken`, `jsessionid`. */
export const SECRET_ENDINGS: readonly string[] = (
  "accesskey apikey authorization cardnumber cookie creditcard credential csrf cvv jwt nonce passphrase passwd password " +
  "privatekey pwd secret secretkey sessid sessionid token xsrf"
).split(" ");

/** Whole names that are secret as parameters of a URL or fields of a form, but harmless elsewhere. */
export const SECRET_PARAMETERS: readonly string[] = ["code", "samlart", "ticket", "wresult"];

/**
 * Members of a JSON Web Key that hold a private or symmetric key (RFC 7518 §6). Elsewhere, names this short are common
 * and harmless.
 */
export const PRIVATE_KEY_MEMBERS: readonly string[] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

const KEY_MEMBERS = new Set(PRIVATE_KEY_MEMBERS);
const WORDS = new Set(SECRET_WORDS);
const LAST_WORDS = new Set(SECRET_LAST_WORDS);
const PAIRS = joined(SECRET_PAIRS);
const HARMLESS = joined(HARMLESS_PAIRS);
const SHORTEST_ENDING = Math.min(...SECRET_ENDINGS.map(({ length }) => length));
const PARAMETERS = new Set(SECRET_PARAMETERS);
/** Every secret name contains one of these. Most names contain none, and need not be split. */
const STEMS = [...SECRET_WORDS, ...SECRET_LAST_WORDS, ...SECRET_PAIRS.map((pair) => pair.split(" ")[1]!)];
const STEM = new RegExp(
  STEMS.filter((stem) => !STEMS.some((part) => part !== stem && stem.includes(part))).join("|"),
  "i",
);
const SHORTEST_NAME = Math.min(...STEMS.map(({ length }) => length));
/** Words of `camelCase`, `ALL_CAPS`, `APIKey` and `JWTs`. */
const WORD = /[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;
/** Capitals at which a name is split, although the same name in lower case is not. */
const INNER_CAPITAL = /[a-z][A-Z]|[A-Z][A-Z][a-z]/;
const ESCAPE = /%([0-9a-f]{2})/gi;
/** Maximum levels of percent-encoding that are decoded: `%2574oken` has two. */
const MAX_DECODINGS = 3;

/** Maximum characters of a name that are checked. For a longer name, both ends are checked. */
const MAX_NAME_LENGTH = 256;

/**
 * Reports whether a name says that its value is a secret. The time is bounded for any name.
 *
 * @example Usage
 * ```ts ignore
 * isSecretName("X-Api-Key"); // true
 * isSecretName("keyboard"); // false
 * ```
 */
export function isSecretName(name: string): boolean {
  if (name.length > MAX_NAME_LENGTH) {
    return isSecretName(`${name.slice(0, MAX_NAME_LENGTH / 2 - 1)}.${name.slice(-MAX_NAME_LENGTH / 2)}`);
  }
  if (!STEM.test(name)) return false;
  if (hasSecretWords(wordsOf(name))) return true;
  // Also checked in lower case, because names may be written in any case: `passWord`.
  return INNER_CAPITAL.test(name) && hasSecretWords(wordsOf(name.toLowerCase()));
}

/** Reports whether a parameter of a URL or a form field is a secret, by its name as sent: `%74oken`, `user[pin]`. */
export function isSecretParameter(name: string): boolean {
  if (name.length < SHORTEST_NAME) return false;
  const decoded = decodeName(name);
  return isSecretName(decoded) || PARAMETERS.has(decoded.toLowerCase());
}

/** Removes up to three levels of percent-encoding. Bytes outside ASCII need not be exact, because no word has any. */
export function decodeName(name: string): string {
  let decoded = name;
  for (let count = 0; count < MAX_DECODINGS && decoded.includes("%"); count++) {
    decoded = decoded.replace(ESCAPE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  }
  return decoded;
}

/** Caches the decisions on a bounded number of names. Decisions on further names are not cached. */
export class SecretNames {
  readonly #decisions = new Map<string, boolean>();
  readonly #maxNames: number;

  constructor({ maxNames = 1_000 }: { readonly maxNames?: number } = {}) {
    this.#maxNames = maxNames;
  }

  /** Returns the result of {@linkcode isSecretName}. */
  isSecret(name: string): boolean {
    const known = this.#decisions.get(name);
    if (known !== undefined) return known;
    const decision = isSecretName(name);
    // Bounded, because clients can invent names.
    if (this.#decisions.size < this.#maxNames && name.length <= 64) this.#decisions.set(name, decision);
    return decision;
  }
}

function joined(pairs: readonly string[]): ReadonlySet<string> {
  return new Set(pairs.map((pair) => pair.replace(" ", "")));
}

function wordsOf(name: string): string[] {
  return name.match(WORD)?.map((word) => singular(word.toLowerCase())) ?? [];
}

function singular(word: string): string {
  return word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}

function hasSecretWords(words: readonly string[]): boolean {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const next = at + 1 < words.length ? word + words[at + 1]! : "";
    if (PAIRS.has(word) || PAIRS.has(next)) return true;
    const isSecret = WORDS.has(word) || (hasSecretEnding(word) && !hasHarmlessEnding(word)) ||
      (next === "" && LAST_WORDS.has(word));
    if (isSecret && !HARMLESS.has(word) && !HARMLESS.has(next) && (at === 0 || !HARMLESS.has(words[at - 1]! + word))) {
      return true;
    }
  }
  return false;
}

function hasSecretEnding(word: string): boolean {
  if (word.length <= SHORTEST_ENDING) return false;
  for (const ending of SECRET_ENDINGS) if (word.length > ending.length && word.endsWith(ending)) return true;
  return false;
}

/** `nextpagetoken`: a harmless pair after other words, written without punctuation. */
function hasHarmlessEnding(word: string): boolean {
  for (const ending of HARMLESS) if (word.endsWith(ending)) return true;
  return false;
}

/** Reports whether a member holds a private key. Its object is a JSON Web Key if it has `kty`. */
export function isPrivateKeyMember(object: object, name: string): boolean {
  return isPrivateKeyName(name) && Object.hasOwn(object, "kty");
}

/** Reports whether a member with a name can be secret according to {@linkcode isPrivateKeyMember}. */
export function isPrivateKeyName(name: string): boolean {
  return KEY_MEMBERS.has(name);
}
