import { assertEquals } from "@std/assert";
import { compareResponses } from "../../src/compare/compare_responses.ts";
import type { HeaderLine } from "../../src/config/config.ts";
import { capturedResponse, compareRules } from "../_support/comparisons.ts";

type Lines = readonly HeaderLine[];

function compare(a: Lines, b: Lines, rules: Readonly<Record<string, unknown>> = {}): string[] {
  const { differences } = compareResponses(
    capturedResponse({ headers: a }),
    capturedResponse({ headers: b }),
    compareRules(rules),
  );
  return differences.map(({ path, kind }) => `${path} ${kind}`);
}

function cookie(...lines: readonly string[]): Lines {
  return lines.map((line) => ["Set-Cookie", line]);
}

const SESSION = "sid=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600";
const CSP = "Content-Security-Policy";

// Columns: title; header lines of both responses; differences.
const CASES: readonly (readonly [title: string, a: Lines, b: Lines, expected: readonly string[]])[] = [
  [
    "order and case of attributes",
    cookie(SESSION),
    cookie("sid=2; samesite=LAX; httponly; secure; max-age=60; path=/"),
    [],
  ],
  ...["Secure", "HttpOnly", "SameSite", "Path", "Max-Age"].map((name): (typeof CASES)[number] => [
    `a lost ${name}`,
    cookie(SESSION),
    cookie(SESSION.replace(new RegExp(`; ${name}[^;]*`), "")),
    [`header:set-cookie.sid.${name.toLowerCase()} removed`],
  ]),
  ["a weaker SameSite", cookie(SESSION), cookie(SESSION.replace("Lax", "None")), [
    "header:set-cookie.sid.samesite changed",
  ]],
  ["an added domain", cookie("a=1"), cookie("a=1; Domain=example.com"), ["header:set-cookie.a.domain added"]],
  ["spellings of a domain", cookie("a=1; Domain=.Example.com"), cookie("a=1; domain=example.com"), []],
  ["two spellings of a lifetime", cookie("a=1; Max-Age=60"), cookie("a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"), []],
  ["a cookie that is deleted", cookie("a=1; Max-Age=60"), cookie("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), [
    "header:set-cookie.a.max-age changed",
  ]],
  ["a lost Vary", [["Vary", "Accept-Encoding, Cookie"]], [["Vary", "accept-encoding"]], ["header:vary changed"]],
  ["another order in Vary", [["Vary", "Cookie, Origin"]], [["Vary", "origin"], ["Vary", "cookie"]], []],
  ["a Vary for compression alone", [["Vary", "Accept-Encoding"]], [], []],
  ["another order in Allow", [["Allow", "GET, HEAD"]], [["allow", "HEAD,GET"]], []],
  ...["Link", "Allow", "Content-Disposition", "Content-Language", "WWW-Authenticate", "Retry-After"].map(
    (name): (typeof CASES)[number] => [`a lost ${name}`, [[name, "x"]], [], [`header:${name.toLowerCase()} removed`]],
  ),
  ["a lost cookie", cookie("a=1; Secure", "b=1"), cookie("b=1"), ["header:set-cookie changed"]],
  [
    "a cookie for two paths",
    cookie("a=1; Path=/x; Secure", "a=1; Path=/y; Secure"),
    cookie("a=1; Path=/y; Secure", "a=1; Path=/x"),
    [
      "header:set-cookie.a.secure changed",
    ],
  ],
  ["another nonce", [[CSP, "script-src 'nonce-abc' 'self'; img-src *"]], [[
    CSP,
    "img-src *;script-src 'self' 'nonce-xyz'",
  ]], []],
  ["a lost nonce", [[CSP, "script-src 'nonce-abc' 'self'"]], [[CSP, "script-src 'self'"]], [
    "header:content-security-policy.script-src changed",
  ]],
  ["a lost directive", [[CSP, "default-src 'self'; frame-ancestors 'none'"]], [[CSP, "default-src 'self'"]], [
    "header:content-security-policy.frame-ancestors removed",
  ]],
  ["a lost policy", [[CSP, "default-src 'self'"]], [], ["header:content-security-policy removed"]],
  ["several policies in another order of sources", [[CSP, "a x y"], [CSP, "b"]], [[CSP, "a y x, b"]], []],
  ["a shorter HSTS", [["Strict-Transport-Security", "max-age=31536000; includeSubDomains"]], [[
    "strict-transport-security",
    "includesubdomains;max-age=1",
  ]], ["header:strict-transport-security.max-age changed"]],
  ["a quoted HSTS", [["Strict-Transport-Security", 'max-age="60"']], [["strict-transport-security", "Max-Age=60"]], []],
  ["a feature that is allowed", [["Permissions-Policy", "camera=(), geolocation=(self)"]], [[
    "Permissions-Policy",
    "geolocation=(self), camera=*",
  ]], ["header:permissions-policy.camera changed"]],
  ["spellings of plain fields", [["X-Content-Type-Options", "nosniff"], ["X-Frame-Options", "DENY"]], [
    ["x-content-type-options", "NoSniff, nosniff"],
    ["x-frame-options", "deny"],
  ], []],
  ["methods in another order", [["Access-Control-Allow-Methods", "GET, PUT"]], [[
    "access-control-allow-methods",
    "PUT,GET",
  ]], []],
  ["a method that is not allowed any more", [["Access-Control-Allow-Methods", "GET, PUT"]], [[
    "access-control-allow-methods",
    "GET",
  ]], ["header:access-control-allow-methods changed"]],
  ...[
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Strict-Transport-Security",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Resource-Policy",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
  ].map((name): (typeof CASES)[number] => [`a lost ${name}`, [[name, "x"]], [], [
    `header:${name.toLowerCase()} removed`,
  ]]),
];

for (const [title, a, b, expected] of CASES) {
  Deno.test(`compareResponses() compares security headers by default: ${title}`, () => {
    assertEquals(compare(a, b), expected);
  });
}

Deno.test("compareResponses() ignores an attribute of a cookie, or a directive, by its path", () => {
  const [a, b] = [cookie("sid=1; Secure; HttpOnly"), cookie("sid=1")];
  assertEquals(compare(a, b, { ignore: "header:set-cookie.*.secure" }), ["header:set-cookie.sid.httponly removed"]);
  assertEquals(compare(a, b, { ignore: "header:set-cookie" }), []);
  assertEquals(
    compare([[CSP, "default-src x; report-uri /1"]], [[CSP, "default-src x; report-uri /2"]], {
      ignore: "header:content-security-policy.report-uri",
    }),
    [],
  );
});

Deno.test("compareResponses() shows no cookie values in samples", () => {
  const { differences } = compareResponses(
    capturedResponse({ headers: cookie("sid=planted-secret; Secure") }),
    capturedResponse({ headers: cookie("sid=planted-secret-2") }),
    compareRules(),
  );
  assertEquals(JSON.stringify(differences).includes("planted"), false);
  assertEquals(differences, [{ path: "header:set-cookie.sid.secure", kind: "removed", expected: "secure" }]);
});
