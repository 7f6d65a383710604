/**
 * Names of secrets: one rule for header fields, parameters, JSON keys, form fields, elements and attributes.
 *
 * A name is split into words at punctuation, digits and capitals: `apiKey` and `api_key2` are "api key". Plural words
 * are made singular. The words are looked up in the lists below. `docs/reference/redaction.md` is generated from them.
 */

/** Words that make a name secret at any position. */
export const SECRET_WORDS: readonly string[] = (
  "apikey aspxauth contrasena credential cryptogram csrf dpop dsn haslo heslo hmac jwe jws jwt " +
  "kennwort lozinka macaroon masterauth mnemonic otp otpauth parola passcode passphrase passwd password " +
  "passwort psk pwd requirepass saml secret senha sig signature token totp wachtwoord wsse xsrf"
).split(" ");

/** Words that make a name secret as its last word: `auth` is secret, `auth-method` is not. */
export const SECRET_LAST_WORDS: readonly string[] = (
  "assertion auth authentication authorization bearer cert cookie cvc cvv iban key nonce oauth pan pass passkey pem " +
  "pin sess session sid ssn"
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
  "auth config",
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
  "de passe",
  "device code",
  "encryption key",
  "factor code",
  "honeycomb team",
  "invitation code",
  "invite code",
  "jaas config",
  "key data",
  "key material",
  "key pem",
  "login code",
  "login link",
  "magic code",
  "magic link",
  "master key",
  "mfa code",
  "oauth verifier",
  "oidc data",
  "oob code",
  "pass phrase",
  "passport number",
  "peer certificate",
  "phone code",
  "pin block",
  "pin code",
  "pin hash",
  "private key",
  "recovery code",
  "recovery phrase",
  "require pass",
  "reset code",
  "reset link",
  "reset url",
  "scratch code",
  "secret answer",
  "secret key",
  "security answer",
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
  "signed request",
  "signing key",
  "sms code",
  "social security",
  "subscription key",
  "track data",
  "unlock code",
  "user code",
  "user pass",
  "verification code",
  "verify code",
  "wallet seed",
  "webhook url",
];

/** Pairs of words that are not secret, although one of the words alone is. */
export const HARMLESS_PAIRS: readonly string[] = [
  "accept signature",
  "account sid",
  "active key",
  "active session",
  "alert key",
  "allow credential",
  "application sid",
  "audio token",
  "auth scope",
  "boarding pass",
  "budget token",
  "cache key",
  "cached token",
  "call sid",
  "category key",
  "child key",
  "color token",
  "column key",
  "completion token",
  "composite key",
  "conference session",
  "conference sid",
  "config key",
  "continuation token",
  "country key",
  "cursor token",
  "dedup key",
  "deduplication key",
  "delta token",
  "design token",
  "entity key",
  "error key",
  "evaluated key",
  "expanded key",
  "factor authentication",
  "feature key",
  "field key",
  "file key",
  "flag key",
  "foreign key",
  "forgot password",
  "group key",
  "group sid",
  "has password",
  "idempotency key",
  "image token",
  "incident key",
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
  "map pin",
  "max key",
  "max token",
  "media key",
  "menu key",
  "message key",
  "message sid",
  "metric key",
  "name key",
  "natural key",
  "next token",
  "number sid",
  "object key",
  "output token",
  "page token",
  "pagination token",
  "parent key",
  "participant sid",
  "partition key",
  "password changed",
  "password expired",
  "password length",
  "password policy",
  "password required",
  "password strength",
  "prediction token",
  "previous token",
  "primary key",
  "project key",
  "prompt token",
  "property key",
  "public key",
  "range key",
  "reasoning token",
  "record key",
  "recording sid",
  "remaining token",
  "resource key",
  "resume token",
  "room sid",
  "route key",
  "routing key",
  "row key",
  "sandbox key",
  "selected key",
  "service sid",
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
  "space key",
  "start key",
  "starting token",
  "status key",
  "stdin once",
  "storage key",
  "surrogate key",
  "sync token",
  "tag key",
  "time signature",
  "title key",
  "token count",
  "token endpoint",
  "token expire",
  "token expiry",
  "token filter",
  "token limit",
  "token per",
  "token remaining",
  "token type",
  "token usage",
  "topology key",
  "total token",
  "training session",
  "translation key",
  "trunk sid",
  "type key",
  "unique key",
  "unprocessed key",
  "value key",
  "websocket key",
  "workout session",
];

/** Last words that describe a secret and are none: `token_type`, `PasswordLastUsed`. */
export const DESCRIBING_WORDS: readonly string[] = (
  "address age alg algorithm at balance check count created date day decimal dialect endpoint expiration " +
  "expire expired expiry filter in issuer length lifetime limit metadata method name policies policy " +
  "prevention protection ref scanning size status strength supply symbol time type update updated usage used " +
  "verified version warning"
).split(" ");

/** Words after a secret that make the value a choice: `password_enabled_for_web`. */
export const CHOICE_WORDS: readonly string[] = "allowed enabled required supported".split(" ");

/** First words that make the value a choice, or true or false: `requires_authentication`, `hasToken`. */
export const CHOICE_FIRST_WORDS: readonly string[] = (
  "allow allows automount can expires has is require requires should supports"
).split(" ");

/** Endings that make a word secret, for names written without punctuation: `csrfmiddlewaretoken`, `jsessionid`. */
export const SECRET_ENDINGS: readonly string[] = (
  "accesskey apikey authorization cardnumber cookie creditcard credential csrf cvv jwt nonce passphrase passwd password " +
  "privatekey pwd secret secretkey sessid sessionid token xsrf"
).split(" ");

/** Whole names that are secret as parameters of a URL or fields of a form, but harmless elsewhere. */
export const SECRET_PARAMETERS: readonly string[] = ["code", "samlart", "sign", "ticket", "wresult"];

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
const DESCRIBING = new Set(DESCRIBING_WORDS.map(singular));
const CHOICES = new Set(CHOICE_WORDS);
const FIRST_CHOICES = new Set(CHOICE_FIRST_WORDS.map(singular));
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
/** Indices of words. */
interface WordRange {
  readonly start: number;
  readonly end: number;
}

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
  const words = wordsOf(name);
  const secret = findSecret(words);
  if (secret !== undefined) return !isDescribed(words, secret);
  // Also checked in lower case, because names may be written in any case: `passWord`.
  return INNER_CAPITAL.test(name) && findSecret(wordsOf(name.toLowerCase())) !== undefined;
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
  return new Set(pairs.map((pair) => pair.split(" ").map(singular).join("")));
}

function wordsOf(name: string): string[] {
  return name.match(WORD)?.map((word) => singular(word.toLowerCase())) ?? [];
}

function singular(word: string): string {
  return word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}

/** Finds the last words that make a name secret. */
function findSecret(words: readonly string[]): WordRange | undefined {
  for (let at = words.length - 1; at >= 0; at--) {
    const word = words[at]!;
    const next = at + 1 < words.length ? word + words[at + 1]! : "";
    const previous = at > 0 ? words[at - 1]! + word : "";
    if (PAIRS.has(previous)) return { start: at - 1, end: at + 1 };
    if (PAIRS.has(word)) return { start: at, end: at + 1 };
    const isSecret = WORDS.has(word) || (hasSecretEnding(word) && !hasHarmlessEnding(word)) ||
      (next === "" && LAST_WORDS.has(word));
    if (isSecret && !HARMLESS.has(word) && !HARMLESS.has(next) && !HARMLESS.has(previous)) {
      return { start: at, end: at + 1 };
    }
  }
  return undefined;
}

/** Reports whether a name describes a secret, or asks for a choice about it. */
function isDescribed(words: readonly string[], { start, end }: WordRange): boolean {
  if (start > 0 && FIRST_CHOICES.has(words[0]!)) return true;
  const later = words.slice(end);
  return later.length > 0 && (DESCRIBING.has(later.at(-1)!) || later.some((word) => CHOICES.has(word)));
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

/** Members that hold the name of the object's value, as in `{"name": "password", "value": "…"}`. */
export const NAMING_MEMBERS: readonly string[] = ["field", "header", "key", "name", "param", "parameter"];

/** Members that hold the value of a name. */
export const NAMED_MEMBERS: readonly string[] = ["stringValue", "value", "values"];

const NAMED = new Set(NAMED_MEMBERS);

/**
 * Reports whether a member is secret because of the other members of its object: it holds a private key, or a value
 * whose name is in another member.
 */
export function isSecretMember(object: object, name: string): boolean {
  if (KEY_MEMBERS.has(name)) return Object.hasOwn(object, "kty");
  return NAMED.has(name) && NAMING_MEMBERS.some((naming) => {
    const named = (object as Readonly<Record<string, unknown>>)[naming];
    return Object.hasOwn(object, naming) && typeof named === "string" && isSecretName(named);
  });
}

/** Reports whether a member with a name can be secret according to {@linkcode isSecretMember}. */
export function mayBeSecretMember(name: string): boolean {
  return KEY_MEMBERS.has(name) || NAMED.has(name);
}
