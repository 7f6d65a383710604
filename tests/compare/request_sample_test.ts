/** Samples of requests: parts that are kept, secrets that are not, bounds. */

import { assert, assertEquals, assertFalse, assertLess } from "@std/assert";
import { parseBodyPath } from "../../src/config/body_path.ts";
import type { HeaderLine } from "../../src/config/config.ts";
import type { ReceivedRequest } from "../../src/http/received_request.ts";
import { KnownSecrets } from "../../src/lib/known_secrets.ts";
import type { RequestSample } from "../../src/compare/report.ts";
import { Redactor } from "../../src/compare/redactor.ts";
import { MAX_SAMPLED_BODY_BYTES, sampleOfRequest } from "../../src/compare/request_sample.ts";

const S = "hunter2Planted";
const MARK = /\[redacted [0-9a-f]{4}\]/g;

interface Given {
  readonly path?: string;
  readonly query?: string;
  readonly headers?: readonly HeaderLine[];
  readonly body?: string | Uint8Array;
  readonly redact?: readonly string[];
  readonly contentLength?: number;
}

function sampleOf({ path = "/", query = "", headers = [], body, redact = [], contentLength }: Given): RequestSample {
  const paths = redact.map((text) => {
    const parsed = parseBodyPath(text);
    if ("fault" in parsed) throw new Error(parsed.fault);
    return parsed;
  });
  const redactor = new Redactor(paths, { key: [1, 2], known: new KnownSecrets(["known-secret-text"]) });
  const clientRequest: ReceivedRequest = {
    requestId: "id",
    method: "POST",
    path,
    matchPath: path,
    query,
    authority: "shop.example",
    headers: [...headers, ["x-forwarded-proto", "https"], ["via", "1.1 conductor-1"], ["x-request-id", "id"]],
    contentLength,
  };
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const sample = sampleOfRequest({
    clientRequest,
    hasBody: body !== undefined || contentLength !== undefined,
    body: bytes,
  }, redactor);
  return JSON.parse(JSON.stringify(sample).replaceAll(MARK, "[redacted]"));
}

const JSON_TYPE: HeaderLine = ["content-type", "application/json"];
const FORM_TYPE: HeaderLine = ["content-type", "application/x-www-form-urlencoded"];

Deno.test("a sample has the parts that the client sent, without the fields of proxies", () => {
  const headers: HeaderLine[] = [
    ["Accept", "*/*"],
    ["X_Forwarded_For", "1.2.3.4"],
    ["X-Real-IP", "1.2.3.4"],
    JSON_TYPE,
  ];
  assertEquals(sampleOf({ path: "/a%20b", query: "?x=1&y=%2F", headers, body: ' { "n": 9007199254740993 } ' }), {
    origin: "https://shop.example",
    target: "/a%20b?x=1&y=%2F",
    headers: [["Accept", "*/*"], JSON_TYPE],
    body: ' { "n": 9007199254740993 } ',
  });
});

Deno.test("a sample of JSON without a secret is the text that was sent, unless rules have paths into it", () => {
  const body = '{"a":1.0, "a":[1e2],\n"b":"\\u00e9"}';
  const given = { headers: [JSON_TYPE], body };
  assertEquals(sampleOf(given).body, body);
  assertEquals(sampleOf({ ...given, redact: ["$.email"] }).body, '{"a":[100],"b":"é"}');
  const secrets = `{"a":{"password":"${S}"},"a":1,"x":"known-secret-text"}`;
  assertFalse(sampleOf({ ...given, body: secrets }).body!.includes(S));
  assertFalse(sampleOf({ ...given, body: `{"a":{"password":"${S}"},"a":1}` }).body!.includes(S));
});

// Columns: parts of a request with secrets; the parts of the sample.
const HIDDEN: readonly (readonly [given: Given, shown: Partial<RequestSample>])[] = [
  [{ path: `/a;sid=${S}/b`, query: `?page=2&%74oken=${S}&x=/y?sig=${S}` }, {
    target: "/a;sid=[redacted]/b?page=2&%74oken=[redacted]&x=/y?sig=[redacted]",
  }],
  [{ query: `?email=${S}&b=1`, redact: ["form:email"] }, { target: "/?email=[redacted]&b=1" }],
  [{ headers: [["Authorization", `Bearer ${S}`], ["X-A", `known-secret-text, ${S} token=${S}`]] }, {
    headers: [["Authorization", "[redacted]"], ["X-A", `[redacted], ${S} token=[redacted]`]],
  }],
  [{ headers: [["X-Plain", S]], redact: ["header:x-plain"] }, { headers: [["X-Plain", "[redacted]"]] }],
  [{ headers: [JSON_TYPE], body: `{"user":{"password":"${S}","a":[1]},"env":[{"name":"API_KEY","value":"${S}"}]}` }, {
    body: '{"user":{"password":"[redacted]","a":[1]},"env":[{"name":"API_KEY","value":"[redacted]"}]}',
  }],
  [{ headers: [JSON_TYPE], body: `{"mail":"${S}","a":1}`, redact: ["$.mail"] }, {
    body: '{"mail":"[redacted]","a":1}',
  }],
  [{ headers: [FORM_TYPE], body: `a=%20&code=${S}&pass%77ord=${S}&b` }, {
    body: "a=%20&code=[redacted]&pass%77ord=[redacted]&b",
  }],
  [{ headers: [FORM_TYPE], body: `mail=${S}&b=1`, redact: ["form:mail"] }, { body: "mail=[redacted]&b=1" }],
  [{ headers: [["content-type", "text/xml"]], body: `<a>\n<token>${S}</token></a>` }, {
    body: "<a>\n<token>[redacted]</token></a>",
  }],
  [{ headers: [["content-type", "text/plain"]], body: S, redact: ["body"] }, { body: "[redacted]" }],
];

for (const [index, [given, shown]] of HIDDEN.entries()) {
  Deno.test(`a sample hides secrets in a request: ${index + 1}`, () => {
    const sample = sampleOf(given);
    for (const [name, value] of Object.entries(shown)) {
      const actual = name === "headers" ? sample.headers.slice(0, shown.headers!.length) : sample[name as "body"];
      assertEquals(actual, value);
    }
  });
}

Deno.test("a sample has the length of a body that is not text, encoded, too large or streamed, instead of the body", () => {
  const binary = new Uint8Array([0xff, 0xfe, 0x00]);
  const text: HeaderLine = ["content-type", "text/plain"];
  const gzip: HeaderLine = ["content-encoding", "gzip"];
  const large = "a".repeat(MAX_SAMPLED_BODY_BYTES + 1);
  const samples = [
    sampleOf({ headers: [["content-type", "image/png"]], body: binary }),
    sampleOf({ headers: [text], body: binary }),
    sampleOf({ headers: [text, gzip], body: "abc" }),
    sampleOf({ headers: [text], body: large }),
    sampleOf({ headers: [text], contentLength: 70_000 }),
  ];
  assertEquals(samples.map(({ body, bodyBytes }) => [body, bodyBytes]), [
    [undefined, 3],
    [undefined, 3],
    [undefined, 3],
    [undefined, MAX_SAMPLED_BODY_BYTES + 1],
    [undefined, 70_000],
  ]);
});

Deno.test("a sample says that it has only the beginning of a body", () => {
  const body = JSON.stringify({ a: "x".repeat(8_000), password: S });
  const sample = sampleOf({ headers: [JSON_TYPE], body });
  assertEquals(sample.bodyBytes, body.length);
  assert(sample.body!.startsWith('{"a":"xxx') && sample.body!.endsWith("…"));
});

Deno.test("the memory of a sample is bounded for any request", () => {
  const sample = sampleOf({
    path: `/${"p".repeat(100_000)}`,
    query: `?${"q=1&".repeat(50_000)}`,
    headers: [
      ["content-type", "text/plain"],
      ...Array.from({ length: 500 }, (_, n): HeaderLine => [`x-${n}`, "v".repeat(9_000)]),
    ],
    body: "b".repeat(MAX_SAMPLED_BODY_BYTES),
  });
  assertLess(JSON.stringify(sample).length, 12_000);
  assertEquals(sample.headers.at(-1)![0], "…");
  const secrets = sampleOf({
    path: "/",
    headers: [["x-a", `${"v".repeat(500)} token=${S}`]],
    query: `?${"a".repeat(1_020)}&token=${S}`,
  });
  assertFalse(JSON.stringify(secrets).includes("hunter"));
});
