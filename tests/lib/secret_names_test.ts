/** Decisions on real names, secret and harmless, as tables. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { isSecretMember, isSecretName, isSecretParameter, SecretNames } from "../../src/lib/secret_names.ts";

import { nameRates } from "./names/rates.ts";

function list(names: string): string[] {
  return names.trim().split(/\s+/);
}

const SECRET_FIELDS = list(`
  Authorization Proxy-Authorization X-Authorization X-Forwarded-Authorization Authentication X-Authentication
  Authentication-Info Proxy-Authentication-Info Cookie Cookie2 Set-Cookie X-Cookie
  Api-Key ApiKey Apikey X-Api-Key X_Api_Key X-ApiKey X-API-Secret X-Api-Token Api-Token
  X-Access-Token X-AccessToken AccessToken X-Access-Key Access-Key X-Auth X-Auth-Key X-Auth-Token Auth-Token X-Token Token
  X-Session X-Session-Id X-SessionId X_Session_Id X-Session-Token X-Session-Key Session-Token Session-Id X-Sid Sid
  X-Csrf-Token X-CSRFToken X-XSRF-TOKEN X-Csrf RequestVerificationToken X-Antiforgery-Token
  X-Vault-Token Private-Token Job-Token Deploy-Token X-Gitlab-Token X-Github-Token X-GitHub-OTP X-Circle-Token Circle-Token
  X-Shopify-Access-Token X-Plex-Token X-Emby-Token X-MediaBrowser-Token X-Hasura-Admin-Secret X-Hasura-Access-Key
  X-Parse-Session-Token X-Parse-Master-Key X-Parse-REST-API-Key X-RapidAPI-Key X-Mashape-Key X-Functions-Key
  Ocp-Apim-Subscription-Key X-Algolia-API-Key X-Algolia-Usertoken X-Honeycomb-Team X-Goog-Api-Key X-Goog-Iap-Jwt-Assertion
  X-Amz-Security-Token X-Amzn-Oidc-Data X-Amzn-Oidc-Accesstoken X-Amzn-Mtls-Clientcert X-Amzn-Mtls-Clientcert-Leaf
  X-MS-TOKEN-AAD-ACCESS-TOKEN X-MS-Token-AAD-Id-Token X-MS-CLIENT-PRINCIPAL X-ARR-ClientCert X-Zumo-Auth
  X-Forwarded-Access-Token X-Forwarded-Client-Cert X-Forwarded-Tls-Client-Cert X-Forwarded-Tls-Client-Cert-Info
  X-SSL-Client-Cert X-SSL-Cert SSL-Client-Cert X-Client-Cert X-Client-Certificate Client-Cert Client-Cert-Chain
  Cf-Access-Jwt-Assertion Cf-Access-Token CF-Access-Client-Secret Fastly-Key DD-API-KEY DD-APPLICATION-KEY X-Insert-Key
  X-Query-Key X-License-Key X-Sentry-Auth X-Sentry-Token X-Redmine-API-Key X-Riot-Token X-CMC_PRO_API_KEY TRN-Api-Key
  X-JWT X-JWT-Assertion JWT DPoP X-WSSE Grpc-Metadata-Macaroon X-Firebase-AppCheck X-Recaptcha-Token X-Device-Token
  X-User-Token X-Refresh-Token X-Id-Token X-Client-Secret X-App-Key X-Appkey X-Consumer-Key X-Secret X-Secret-Key
  X-Password X-Otp X-Pin X-Signature Signature X-Hub-Signature X-Hub-Signature-256 Stripe-Signature X-Slack-Signature
  X-Twilio-Signature X-Signature-Ed25519 Sec-Session-Id Sec-Token-Binding X-Amz-Credential X-Service-Key X-Credentials
`);

const PLAIN_FIELDS = list(`
  Accept Accept-Charset Accept-Encoding Accept-Language Accept-Ranges Accept-Signature Access-Control-Allow-Credentials
  Access-Control-Allow-Headers Access-Control-Request-Headers Access-Control-Request-Method Age Allow Alt-Svc Authority
  :authority Baggage Cache-Control Cache-Key Cdn-Cache-Key X-Cache-Key CDN-Loop Client-Ip Connection Content-Digest
  Content-Disposition Content-Encoding Content-Language Content-Length Content-Location Content-MD5 Content-Range
  Content-Security-Policy Content-Type Correlation-Id Cross-Origin-Opener-Policy Date Device-Memory Digest DNT Early-Data
  ETag Expect Expires Forwarded From Host Idempotency-Key If-Match If-Modified-Since If-None-Match If-Range
  If-Unmodified-Since Keep-Alive Keywords Last-Modified Link Location Max-Forwards Monkey-Id Origin Origin-Trial Pragma
  Prefer Priority Proxy-Authenticate Public-Key-Pins Purpose Range Referer Referrer-Policy Retry-After Save-Data
  Sec-CH-UA Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Sec-GPC Sec-Purpose Sec-WebSocket-Accept
  Sec-WebSocket-Extensions Sec-WebSocket-Key Sec-WebSocket-Protocol Sec-WebSocket-Version Server Server-Timing
  Signature-Agent Signature-Input SOAPAction Surrogate-Control Surrogate-Key TE Timing-Allow-Origin Traceparent Tracestate
  Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Vary Via Warning WWW-Authenticate
  X-Amz-Cf-Id X-Amz-Content-Sha256 X-Amz-Date X-Amz-Target X-Amz-User-Agent X-Amzn-Trace-Id X-Amzn-Oidc-Identity
  X-B3-SpanId X-B3-TraceId X-Cache X-Client-IP X-Cloud-Trace-Context X-Conductor-Role X-Content-Type-Options
  X-Correlation-ID X-Datadog-Trace-Id X-Device-Id X-Envoy-Attempt-Count X-Forwarded-For X-Forwarded-Host X-Forwarded-Port
  X-Forwarded-Proto X-Forwarded-User X-Forwarded-Email X-Frame-Options X-Goog-Authenticated-User-Email
  X-GitHub-Api-Version X-HTTP-Method-Override X-OAuth-Scopes X-Original-URL X-Passenger-Count X-Powered-By X-Real-IP
  X-Remote-User X-Request-Id X-Requested-With X-Robots-Tag X-Signal-Strength X-SSL-Client-Verify X-SSL-Protocol
  X-Tenant-Id X-Trace-Id X-UA-Compatible X-User-Id X-Xss-Protection Xkey
`);

// Keys of documents, parameters and cookies.
const SECRET_KEYS = list(`
  token tokens tokenValue accessToken access_token refreshToken id_token idToken auth sid session session_id sessionID
  session_key sessionKeys sig signature key keys key1 apiKey APIKey api_keys apikey api.key password passwords Password1
  passWord PASSWORD userPassword db_pass passwordHash password_reset_url passphrase passcode pwd pin otp totp secret
  secrets secretAnswer secretanswer clientSecret client-secret client_secret_2 credentials credential
  AWSAccessKeyId aws_secret_access_key X-Amz-Signature X-Amz-Credential X-Amz-Security-Token X-Goog-Signature
  X-Goog-Credential sharedAccessSignature AccountKey privateKey private_key_pem signingKey encryption_key masterKey
  csrf _csrf csrfmiddlewaretoken authenticity_token __RequestVerificationToken csrf-token xsrfToken nonce _wpnonce
  SAMLResponse SAMLRequest client_assertion code_verifier device_code authCode authorization_code verificationCode
  recoveryCodes backup_codes cardNumber credit_card cvv cvc2 iban ssn pan PHPSESSID JSESSIONID jsessionid ASP.NET_SessionId
  connect.sid koa.sess koa.sess.sig session_state jwt JWTs hmac oauth_token oauth_verifier connectionString mnemonic
  wresult_token psk wpa_psk twoFactorCode sms_code user_code pass_phrase .ASPXAUTH passwordResetToken newToken
  mypwd dbpwd useraccesskey pincode authInfo user[password] token[] user.password config:token x-aPi-kEy magicLink login_link reset_link
`);

const PLAIN_KEYS = list(`
  keyboard monkey donkey turkey author authors authority authorId keywords keyword keyframes primaryKey primary_key
  foreignKey sortKey partition_key cacheKey publicKey public_key objectKey keyId keyName keyType tokenize tokenizer
  tokenType token_type token_count max_tokens maxTokens total_tokens promptTokens token_endpoint sidebar beside inside
  passenger passed passage compass bypass password_policy passwordLength design assign signal signed codec code
  zipcode zip_code country_code countryCode status_code errorCode postalCode language_code promo_code pinned spinner
  pinterest pane span pans-labyrinth cookieConsent cookie_policy sessionCount session_duration obsession secretary
  etag state scope nonceless description authMethod auth_type authorization_endpoint is_authenticated id uuid name email
  username url version count signatureAlgorithm cvs iBanner ticket tickets cart card certify certificate certified
  pageToken nextPageToken next_page_token NextToken continuation-token NextContinuationToken syncToken nextSyncToken $skiptoken
  maxOutputTokens cacheReadInputTokens max_new_tokens_limit MessageSid account_sid LastEvaluatedKey startKey project_key
  passwordChangedAt has_password tokenExpiry token_expires_in
  2fa_enabled sha256 digest hash cursor next_page kid
`);

Deno.test("isSecretName() recognises header fields with credentials", () => {
  assertEquals(SECRET_FIELDS.filter((name) => !isSecretName(name)), []);
  assertEquals(SECRET_FIELDS.filter((name) => !isSecretName(name.toLowerCase())), []);
  assertEquals(SECRET_FIELDS.filter((name) => !isSecretName(name.replaceAll("-", "_"))), []);
});

Deno.test("isSecretName() does not match header fields that services need", () => {
  assertEquals(PLAIN_FIELDS.filter(isSecretName), []);
  assertEquals(PLAIN_FIELDS.map((name) => name.toLowerCase()).filter(isSecretName), []);
});

Deno.test("isSecretName() recognises keys of secrets in every spelling", () => {
  assertEquals(SECRET_KEYS.filter((name) => !isSecretName(name)), []);
});

Deno.test("isSecretName() does not match keys that only resemble a secret", () => {
  assertEquals(PLAIN_KEYS.filter(isSecretName), []);
});

Deno.test("isSecretParameter() decodes names as sent, and recognises codes and tickets", () => {
  for (const name of ["code", "CODE", "ticket", "%74oken", "%2574oken", "user%5Bpassword%5D", "token[]", "my+token"]) {
    assert(isSecretParameter(name), name);
  }
  for (const name of ["country_code", "page", "q", "%", "%zz", "state", "promo+code", "se", "sp", ""]) {
    assert(!isSecretParameter(name), name);
  }
});

Deno.test("isSecretName() takes bounded time, and checks both ends of a long name", () => {
  const long = "aB".repeat(500_000);
  const startMs = performance.now();
  for (let count = 0; count < 100; count++) isSecretName(long);
  assert(performance.now() - startMs < 1_000);
  assert(isSecretName(`${long}_token`));
  assert(isSecretName(`token_${long}`));
});

// `docs/reference/redaction.md` states the exact rates.
Deno.test("isSecretName() is wrong on fewer than 2 % of public and secret names, and on fewer than 10 % of unseen ones", () => {
  const { falsePositives, misses, unseen } = nameRates();
  const ratio = ({ names, wrong }: typeof misses) => wrong.length / names;
  assertLess(ratio(falsePositives), 0.02, falsePositives.wrong.join());
  assertLess(ratio(misses), 0.02, misses.wrong.join());
  assertLess(ratio(unseen.falsePositives), 0.1, unseen.falsePositives.wrong.join());
  assertLess(ratio(unseen.misses), 0.1, unseen.misses.wrong.join());
  assert(falsePositives.names > 2_000 && misses.names > 450);
});

Deno.test("isSecretName() decides by the word that describes a secret, unless it comes before the secret", () => {
  for (const name of ["PasswordLastUsed", "requires_authentication", "secretKeyRef", "password_enabled_for_web"]) {
    assert(!isSecretName(name), name);
  }
  for (
    const name of [
      "typeToken",
      "name_of_secret",
      "password_type_hint_token",
      "requirepass",
      "requirePass",
      "enable_password",
    ]
  ) {
    assert(isSecretName(name), name);
  }
});

Deno.test("isSecretMember() recognises values whose names are in another member, and private keys", () => {
  assert(isSecretMember({ name: "DB_PASSWORD", value: "x" }, "value"));
  assert(isSecretMember({ field: "api_key", values: [] }, "values"));
  assert(isSecretMember({ kty: "oct", k: "x" }, "k"));
  assert(!isSecretMember({ name: "DB_HOST", value: "x" }, "value"));
  assert(!isSecretMember({ name: "DB_PASSWORD", id: "x" }, "id"));
  assert(!isSecretMember(Object.create({ name: "token" }), "value"));
  assert(!isSecretMember({ k: "x" }, "k"));
});

Deno.test("SecretNames decides like isSecretName(), with a bounded cache", () => {
  const names = new SecretNames({ maxNames: 3 });
  for (let round = 0; round < 2; round++) {
    for (const name of [...SECRET_FIELDS, ...PLAIN_FIELDS]) assertEquals(names.isSecret(name), isSecretName(name));
  }
});
