/** Removal of secret parameters from a request target. */

import { assertEquals } from "@std/assert";
import { withoutCredentials } from "../../src/http/credentials.ts";
import { SecretNames } from "../../src/lib/secret_names.ts";
import { withoutSecretPathParameters, withoutSecretQuery } from "../../src/lib/secret_parameters.ts";

// Columns: a query as sent; the part that is kept; the removed names.
const QUERIES: readonly (readonly [query: string, kept: string, names: readonly string[]])[] = [
  ["", "", []],
  ["?", "?", []],
  ["?a=1&b=%2F&&c", "?a=1&b=%2F&&c", []],
  ["?token=x", "", ["token"]],
  ["?token", "", ["token"]],
  ["?a=1&token=x", "?a=1", ["token"]],
  ["?token=x&a=1", "?a=1", ["token"]],
  ["?a=1&token=x&b=2&token=y&c=3", "?a=1&b=2&c=3", ["token", "token"]],
  ["?a=1;token=x;b=2", "?a=1;b=2", ["token"]],
  ["?a=1&token=x;rest&b=2", "?a=1&b=2", ["token"]],
  ["?%74oken=x&a=%74", "?a=%74", ["%74oken"]],
  ["?my+token=x&a=+", "?a=+", ["my+token"]],
  ["?user[password]=x&user%5Bpin%5D=y&user[name]=z", "?user[name]=z", ["user[password]", "user%5Bpin%5D"]],
  ["?token[]=x&token[]=y&page[]=1", "?page[]=1", ["token[]", "token[]"]],
  ["?X-Amz-Signature=x&X-Amz-Date=1", "?X-Amz-Date=1", ["X-Amz-Signature"]],
  ["?code=x&state=y", "?state=y", ["code"]],
  ["?pageToken=x&continuation-token=y", "?pageToken=x&continuation-token=y", []],
  ["?keywords=token=x", "?keywords=token=x", []],
  ["?a=1?token=x", "?a=1?token=x", []],
];

for (const [query, kept, names] of QUERIES) {
  Deno.test(`withoutSecretQuery() keeps "${kept}" of "${query}"`, () => {
    assertEquals(withoutSecretQuery(query), { kept, names });
  });
}

// Columns: a path; the path that is kept.
const PATHS: readonly (readonly [path: string, kept: string])[] = [
  ["/a/b", "/a/b"],
  ["/a;jsessionid=x", "/a"],
  ["/a;v=1;jsessionid=x;w=2/b;sid=y/c", "/a;v=1;w=2/b/c"],
  ["/a;JSESSIONID=x/", "/a/"],
  ["/a;%6aessionid=x;", "/a;%6aessionid=x;"],
  ["/a;%6asessionid=x", "/a"],
  ["/token=x", "/token=x"],
];

for (const [path, kept] of PATHS) {
  Deno.test(`withoutSecretPathParameters() keeps "${kept}" of "${path}"`, () => {
    assertEquals(withoutSecretPathParameters(path).kept, kept);
  });
}

Deno.test("withoutCredentials() keeps the order and the spelling of the remaining headers", () => {
  const bare = withoutCredentials({
    path: "/a;sid=1",
    query: "?b=1&key=2",
    headers: [
      ["Accept", "a"],
      ["COOKIE", "sid=1"],
      ["X_Api_Key", "k"],
      ["Referer", "https://jo:x@h/a;sid=1?token=x&b=%20#token=x"],
      ["accept", "b"],
      ["X-Original-URL", "/x?token=x"],
      ["Idempotency-Key", "i"],
    ],
  }, new SecretNames());
  assertEquals(bare, {
    path: "/a",
    query: "?b=1",
    raw: undefined,
    headers: [
      ["Accept", "a"],
      ["Referer", "https://h/a?b=%20"],
      ["accept", "b"],
      ["X-Original-URL", "/x"],
      ["Idempotency-Key", "i"],
    ],
    fields: ["cookie", "x_api_key"],
    parameters: ["sid", "key"],
  });
});

Deno.test("withoutCredentials() takes secrets out of every field whose value is a URL", () => {
  const headers = [
    ["HX-Current-URL", "https://jo:x@h/a;sid=1?token=x&b=1#access_token=x"],
    ["Destination", "/a?code=x&b=1"],
    ["X-Replaced-Path", "/a;jsessionid=x/b"],
    ["Accept", "text/html;q=0.9, */*;token=1"],
    ["If-None-Match", '"/a?token=x"'],
    ["X-Note", "/a?token=x is no URL"],
  ] as const;
  const bare = withoutCredentials({ path: "/", query: "", headers }, new SecretNames());
  assertEquals(bare.headers, [
    ["HX-Current-URL", "https://h/a?b=1"],
    ["Destination", "/a?b=1"],
    ["X-Replaced-Path", "/a/b"],
    ...headers.slice(3),
  ]);
});
