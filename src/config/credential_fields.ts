/** Header fields that hold credentials, by their names in lower case. */

/** Request fields that say who the client is, or prove it: what `credentials: false` leaves out of copies. */
export const CREDENTIAL_FIELDS: readonly string[] = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "api-key",
  "apikey",
  "x-access-token",
  "x-amz-security-token",
  "x-api-key",
  "x-auth-token",
  "x-client-cert",
  "x-csrf-token",
  "x-forwarded-client-cert",
  "x-goog-iap-jwt-assertion",
  "x-session-token",
  "x-xsrf-token",
  "cf-access-jwt-assertion",
  "client-cert",
  "client-cert-chain",
  "dpop",
];
