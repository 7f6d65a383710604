/** Secrets in texts of all formats: hidden and shown parts, and bounded time for hostile texts. */

import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { findSecrets, redactPath, redactText, redactUrl } from "../../src/lib/secret_text.ts";
import { IS_FULL } from "../_support/attack.ts";

const S = "hunter2Planted";
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

// Columns: a text with secrets; the text that is shown.
const HIDDEN: readonly (readonly [text: string, shown: string])[] = [
  // JSON
  [`{"tokens":["${S}",{"a":"]${S}"}],"n":1}`, `{"tokens":[redacted],"n":1}`],
  [`{"pin":123456,"n":1}`, `{"pin":[redacted],"n":1}`],
  [`{\n  "token" :\n    "${S}",\n  "n": 1\n}`, `{\n  "token" :\n    "[redacted]",\n  "n": 1\n}`],
  [`{"secret":"a\\"${S}","n":1}`, `{"secret":"[redacted]","n":1}`],
  [`{"secret":"a\\\\","n":1}`, `{"secret":"[redacted]","n":1}`],
  [`{"a":"{\\"token\\":\\"${S}\\",\\"n\\":1}"}`, `{"a":"{\\"token\\":\\"[redacted]\\",\\"n\\":1}"}`],
  [`{"a":"{\\"auth\\":{\\"x\\":[\\"}${S}\\"]},\\"n\\":1}"}`, `{"a":"{\\"auth\\":[redacted],\\"n\\":1}"}`],
  [
    `"{\\"a\\":\\"{\\\\\\"sid\\\\\\":\\\\\\"${S}\\\\\\"}\\"}"`,
    `"{\\"a\\":\\"{\\\\\\"sid\\\\\\":\\\\\\"[redacted]\\\\\\"}\\"}"`,
  ],
  [`{'token': '${S}', 'n': 1}`, `{'token': '[redacted]', 'n': 1}`],
  [`{"${JWT}":1}`, `{"[redacted]":1}`],
  [
    `[{"name":"DB_PASSWORD","value":"${S}"},{"name":"a","value":"b"}]`,
    `[{"name":"DB_PASSWORD","value":"[redacted]"},{"name":"a","value":"b"}]`,
  ],
  [
    `{"field": "api_key", "values": ["${S}", {"a": "${S}"}], "n": 1}`,
    `{"field": "api_key", "values": [redacted], "n": 1}`,
  ],
  [
    `{"a":"{\\"name\\":\\"token\\",\\"value\\":\\"${S}\\"}"}`,
    `{"a":"{\\"name\\":\\"token\\",\\"value\\":\\"[redacted]\\"}"}`,
  ],
  [`{"name":"pin","value":123456,"n":1}`, `{"name":"pin","value":[redacted],"n":1}`],
  [
    `- name: DB_PASSWORD\n  value: ${S} x\n- name: a\n  value: b`,
    `- name: DB_PASSWORD\n  value: [redacted]\n- name: a\n  value: b`,
  ],
  // Queries, forms, paths
  [`a=1&token=${S}&b=2`, `a=1&token=[redacted]&b=2`],
  [`code=${S}&b=2`, `code=[redacted]&b=2`],
  [`%74oken=${S}&b=2`, `%74oken=[redacted]&b=2`],
  [`user[password]=${S}&user%5Bpin%5D=${S}&b=2`, `user[password]=[redacted]&user%5Bpin%5D=[redacted]&b=2`],
  [`password=a,b;c${S}&b=2`, `password=[redacted]&b=2`],
  [`/cb?code=${S}&state=x`, `/cb?code=[redacted]&state=x`],
  [`/cb#access_token=${S}&b=2`, `/cb#access_token=[redacted]&b=2`],
  [`/login?next=%2Fcb%3Fcode%3D${S}%26b%3D1&b=2`, `/login?next=%2Fcb%3Fcode%3D[redacted]%26b%3D1&b=2`],
  [`/a?X-Amz-Signature=${S}&X-Amz-Date=1`, `/a?X-Amz-Signature=[redacted]&X-Amz-Date=1`],
  [`/a?X-Goog-Signature=${S}&Expires=1`, `/a?X-Goog-Signature=[redacted]&Expires=1`],
  [`/a?AWSAccessKeyId=${S}&Signature=${S}&Expires=1`, `/a?AWSAccessKeyId=[redacted]&Signature=[redacted]&Expires=1`],
  [`/a?sv=2024&se=2026&sp=r&sig=${S}%3D`, `/a?sv=2024&se=2026&sp=r&sig=[redacted]`],
  [`/cart;jsessionid=${S}?b=2`, `/cart;jsessionid=[redacted]?b=2`],
  [`/reset-token/8${S}/done`, `/reset-token/[redacted]/done`],
  [`https://jo:${S}@host/x`, `https://[redacted]@host/x`],
  [`https://jo:p@${S}@host/x`, `https://[redacted]@host/x`],
  [`/a?url=https%3A%2F%2Fjo%3A${S}%40host%2Fx%40y&b=1`, `/a?url=https%3A%2F%2F[redacted]%40host%2Fx%40y&b=1`],
  // Header values
  [`<https://x/?sig=${S}>; rel="next"`, `<https://x/?sig=[redacted]>; rel="next"`],
  [`5; url=/x?access_token=${S}`, `5; url=/x?access_token=[redacted]`],
  [`Bearer ${S}, Basic ${S}=`, `Bearer [redacted], Basic [redacted]`],
  // Lines
  [`password: ${S} ${S}\nuser: jo`, `password: [redacted]\nuser: jo`],
  [`  - token: ${S}, x\r\n  - user: jo`, `  - token: [redacted]\r\n  - user: jo`],
  [`secrets:\n  a: ${S}\n  b: ${S}\nuser: jo`, `secrets:[redacted]\nuser: jo`],
  [`token: |\n  ${S}\nuser: jo`, `token: [redacted]\nuser: jo`],
  [`GET / HTTP/1.1\r\nCookie: a=${S}; b=${S}\r\nHost: x`, `GET / HTTP/1.1\r\nCookie: [redacted]\r\nHost: x`],
  [`curl -H 'X-Api-Key: ${S}' --token ${S} --user jo`, `curl -H 'X-Api-Key: [redacted]' --token [redacted] --user jo`],
  [`Server=x;Password=${S};User=jo`, `Server=x;Password=[redacted];User=jo`],
  [`const apiKey = "${S}";`, `const apiKey = "[redacted]";`],
  // Markup
  [`<password>${S}</password><a>1</a>`, `<password>[redacted]</password><a>1</a>`],
  [`<w:Password a="1"><b>${S}</b></w:Password><a>1</a>`, `<w:Password a="1">[redacted]</w:Password><a>1</a>`],
  [`<user token="${S}" name="jo"/>`, `<user token="[redacted]" name="jo"/>`],
  [`<input type="password" name="p" value="${S}">`, `<input type="password" name="p" value="[redacted]">`],
  [`<input value='${S}' type=password>`, `<input value='[redacted]' type=password>`],
  [`<input type=hidden name=_csrf value=${S}>x`, `<input type=hidden name=_csrf value=[redacted]>x`],
  [`<meta name="csrf-token" content="${S}">`, `<meta name="csrf-token" content="[redacted]">`],
  [`<META CONTENT="${S}" NAME="csrf-token">`, `<META CONTENT="[redacted]" NAME="csrf-token">`],
  [`<string name="api_key">${S}</string>`, `<string name="api_key">[redacted]</string>`],
  [`<a href="/x?code=${S}&amp;token=${S}&amp;b=1">`, `<a href="/x?code=[redacted]&amp;token=[redacted]&amp;b=1">`],
  [
    `<a data-p="{&quot;token&quot;:&quot;${S}&quot;,&quot;n&quot;:1}">`,
    `<a data-p="{&quot;token&quot;:&quot;[redacted]&quot;,&quot;n&quot;:1}">`,
  ],
  [
    `Content-Disposition: form-data; name="password"\r\n\r\n${S}\r\n--b\r\n`,
    `Content-Disposition: form-data; name="password"\r\n\r\n[redacted]\n--b\r\n`,
  ],
  [
    `Content-Disposition: form-data;name=code\r\n\r\n${S}\r\n--b\r\n`,
    `Content-Disposition: form-data;name=code\r\n\r\n[redacted]\n--b\r\n`,
  ],
  [`{"url":"/cb?a=1\\u0026code=${S}"}`, `{"url":"/cb?a=1\\u0026code=[redacted]"}`],
  // Values
  [`https://hooks.slack.com/services/T01/B01/${S}`, "https://[redacted]"],
  [`https://discord.com/api/webhooks/123456/${S}`, "https://[redacted]"],
  [`/bot123456789:AA${"a1_".repeat(11)}/send`, "/[redacted]/send"],
  [`ewogICJhbGciOiJ9.eyJhIjoxfQ.${S} glft-${S} hf_${"aB".repeat(17)}`, "[redacted] [redacted] [redacted]"],
  [JWT, "[redacted]"],
  [`a ${JWT}.x.y b`, "a [redacted] b"],
  [`-----BEGIN PRIVATE KEY-----\n${S}\n-----END PRIVATE KEY-----\nx`, `[redacted]\nx`],
  [`x AKIA${"A1B2".repeat(4)} ASIA${"A1B2".repeat(4)}`, `x [redacted] [redacted]`],
  [`ghp_${"aB1".repeat(12)} github_pat_${"a_1".repeat(12)}`, `[redacted] [redacted]`],
  [`xoxb-123456-abcdef sk_live_${"a1".repeat(8)} glpat-${"a1".repeat(8)}`, `[redacted] [redacted] [redacted]`],
  [`x v1_${JWT} session-${JWT}`, "x [redacted] [redacted]"],
  [`/a?x=%7B%22a%22%3A%22${JWT}%22%7D`, "/a?x=%7B%22a%22%3A%22[redacted]%22%7D"],
  [`$2b$10$${"N9qo8uLOickgx2ZM".repeat(3)} x`, "[redacted] x"],
  [`$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$${"aGFzaA".repeat(4)} x`, "[redacted] x"],
  [`pbkdf2_sha256$600000$salt$${"aGFzaA".repeat(5)}= x`, "[redacted] x"],
  [
    `see https://x.blob.example/a?sp=r&sig=${S}%3D, or https://y/?X-Amz-Signature=${S}.`,
    "see https://x.blob.example/a?sp=r&sig=[redacted], or https://y/?X-Amz-Signature=[redacted]",
  ],
  [
    `gsk_${"a1B".repeat(10)} key-${"a1".repeat(16)} ${"a1".repeat(16)}-us12 1//0${"aB1".repeat(9)}`,
    "[redacted] [redacted] [redacted] [redacted]",
  ],
  [`AGE-SECRET-KEY-1${"A1".repeat(20)}`, "[redacted]"],
  // Cut off
  [`{"token":"${S}`, `{"token":"[redacted]`],
  [`{"auth":{"a":"${S}","b`, `{"auth":[redacted]`],
  [`<secret>${S}`, `<secret>[redacted]`],
  [`<input name=token value="${S}`, `<input name=token value="[redacted]`],
  [`-----BEGIN RSA PRIVATE KEY-----\n${S}`, `[redacted]`],
];

for (const [text, shown] of HIDDEN) {
  Deno.test(`redactText() shows ${JSON.stringify(shown)}`, () => {
    assertEquals(redactText(text), shown);
    assertEquals(redactText(shown), shown);
  });
}

const SHOWN: readonly string[] = [
  "status code: 5, country_code=7",
  "GET /oauth/token HTTP/1.1",
  "/users/12345/tokens/new",
  "12:30:15 keyboard: x",
  '{"name":"colour","value":"red","id":"x"}',
  '{"name":"token_type","value":"bearer"}',
  "name: DB_PASSWORD\nuser: value",
  "$12$ for 2 items, $5$ and $2b$",
  "key-value, foo.eyJ and a.b.c",
  'a < b && c["x"] > 3',
  "basic plumbing information",
  "<form name=token><b>x</b></form>",
  '{"id":"3f2504e0-4f89-11d3-9a0c-0305e82c3301","etag":"W/\\"0815abcdef\\"","next":"/users?page=2&sort=up"}',
  "https://example.com:8080/a@b?c=d",
  "user@example.com",
  '{"author":"x","primaryKey":1,"max_tokens":5}',
];

for (const text of SHOWN) {
  Deno.test(`redactText() does not change ${JSON.stringify(text)}`, () => assertEquals(redactText(text), text));
}

Deno.test("redactPath() and redactUrl() end a path parameter at the next slash", () => {
  assertEquals(redactPath(`/a;sid=${S};v=1/b;x=1`), "/a;sid=[redacted];v=1/b;x=1");
  assertEquals(
    redactUrl(`https://u:${S}@h/a;sid=${S}/b?code=${S}&x=1#id_token=${S}`),
    "https://[redacted]@h/a;sid=[redacted]/b?code=[redacted]&x=1#id_token=[redacted]",
  );
  assertEquals(redactUrl("/a/b?x=1"), "/a/b?x=1");
});

Deno.test("findSecrets() gives sorted ranges that do not overlap", () => {
  const ranges = findSecrets(`token: ${JWT} password=${S}&x=<secret>${S}</secret>`);
  let last = -1;
  for (const { start, end } of ranges) {
    assert(start > last && end > start);
    last = end;
  }
});

/**
 * Units of hostile texts, which a careless pattern would scan repeatedly: unclosed, nested, or with a repeated prefix.
 */
const HOSTILE: readonly string[] = [
  ...'= abc= token= token:" " \' <token> </a -----BEGIN eyJabcde -eyJ eyJaaaaa. // //a@ @ %3D %253D a%3D token%3D'
    .split(" "),
  ...'/a /token/1 {"token":{ [ token=[ token={" \\ \\" token=\\" token=, token=;a <a/ <a\t\t [redacted] &quot;:'.split(
    " ",
  ),
  ...'"name":"token","value":[ "name":"token","value":" {"name":" eyJ eyJa.eyJ a.eyJ %22eyJ $2b$ a-'.split(" "),
  ..."token&quot;:&quot; token:&quot; token;: content-disposition: aA aAs".split(" "),
  ...[
    "token: ",
    "<a ",
    '<a "',
    "<a b='",
    "<token ",
    "<a b=c",
    "bearer ",
    "Basic ",
    "token: a,",
    "secrets:\n a\n",
    "key\n:",
  ],
  ...[
    " ",
    "\n",
    "--a ",
    "--token a ",
    'content-disposition: form-data; name="token"',
    '<input name=token value="',
    "< ",
  ],
  ...["name: token\nvalue: ", "key: a\n", "a".repeat(9) + ".eyJ"],
  ...["token: |\n", " \n", `${"a".repeat(100)}=`, "content-disposition: form-data;"],
];
const MIB = 1_048_576;
/** Even the shorter length would take minutes in a search with quadratic time. */
const LENGTH = IS_FULL ? MIB : MIB / 8;
const MAX_MS = 10_000;

Deno.test("redactText() takes bounded time for 1 MiB of any hostile text", () => {
  const mixed = HOSTILE.map((pattern) => pattern.repeat(MIB / HOSTILE.length / pattern.length)).join("");
  for (const pattern of [...HOSTILE, mixed]) {
    const text = pattern.repeat(Math.ceil(LENGTH / pattern.length));
    const startMs = performance.now();
    redactText(text);
    assertLess(performance.now() - startMs, MAX_MS, JSON.stringify(pattern.slice(0, 99)));
  }
});

Deno.test("redactText() takes linear time for the heads of many parts", () => {
  const part = 'content-disposition: form-data; name="token"\r\n\r\n';
  const [shortMs = 0, longMs = 0] = [2_000, 32_000].map((count) => {
    const text = part.repeat(count);
    const startMs = performance.now();
    redactText(text);
    return performance.now() - startMs;
  });
  // Quadratic time is 256 times as long.
  assertLess(longMs, 64 * Math.max(shortMs, 5));
});

Deno.test("redactText() hides secrets inside any surrounding text", () => {
  for (const pattern of HOSTILE) {
    const text = `${pattern.repeat(50)}\n{"token":"${S}"}\n`;
    assert(!redactText(text).includes(S), pattern);
  }
  assertStringIncludes(redactText(`x\n{"token":"${S}"}`), "[redacted]");
});
