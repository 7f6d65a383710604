/** Formats of bodies, statuses, encodings, preconditions and limits. */

import { gzipSync } from "node:zlib";
import { type Pair, textPairs } from "./pair.ts";

const FORM = "application/x-www-form-urlencoded";
const SECOND_JSON = '{"b":2,"a":1}';
const NOT_JSON = "<html>error</html>";

function zip(text: string, level = 6): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(text, { level }));
}

function zipped(text: string, level?: number): Pair["expected"] {
  return { body: zip(text, level), headers: [["content-encoding", "gzip"]] };
}

const LONG = JSON.stringify(Array.from({ length: 2_000 }, (_, id) => ({ id })));

export const BODIES: readonly Pair[] = [
  ...textPairs("text/plain", [
    ["TIBCOSoftware/mashling#154", "JSON as plain text with other white space", '{"a":1,"b":2}', SECOND_JSON, "alike"],
    ["TIBCOSoftware/mashling#154", "JSON as plain text with another value", '{"a":1,"b":2}', '{"a":1,"b":3}', ["$.b"]],
    ["Kengxxiao/Kyouka#20", "JSON as plain text, and an error", '{"a":1}', NOT_JSON, ["body"]],
    ["SwissLife-OSS/snapshooter#33", "other line ends", "a\r\nb", "a\nb", ["body"]],
    ["microsoft/powerplatform-vscode#1607", "other line ends that are expected", "a\r\nb\r\n", "a\nb\n", "alike", {
      normalise: { pattern: "\\r$", path: "body" },
    }],
    ["IndigoUnited/node-diff-json-structure#19", "another text", "foo", "bar", ["body"]],
    ["zalando-incubator/perron#9", "an empty text", "", "", "alike"],
    ["zalando-incubator/perron#9", "a text that became empty", "ok", "", ["body"]],
  ]),
  ...textPairs("text/html", [
    ["Cornices/cornice#254", "JSON as HTML with another order of keys", '{"a":1,"b":2}', SECOND_JSON, "alike"],
    ["jarrodek/ChromeRestClient#467", "JSON as HTML with another value", '{"a":1}', '{"a":2}', ["$.a"]],
    [
      "openrightsgroup/blocked-org-uk#409",
      "lines of JSON as HTML",
      '{"a":1}\n{"a":2}\n',
      '{"a":1}\n{ "a": 2 }\n',
      "alike",
    ],
    ["openrightsgroup/blocked-org-uk#409", "a lost line of JSON as HTML", '{"a":1}\n{"a":2}\n', '{"a":1}\n', ["$[*]"]],
  ]),
  ...textPairs(null, [
    ["barryf/vibrancy#8", "JSON without a content type", '{"a":1,"b":2}', SECOND_JSON, "alike"],
    ["barryf/vibrancy#8", "JSON without a content type, with another value", '{"a":1}', '{"a":2}', ["$.a"]],
  ]),
  ...textPairs("application/x-ndjson", [
    ["wardi/jsonlines#9", "lines with other white space", '{"id":1}\n{"id":2}', '{"id": 1}\r\n{"id": 2}\r\n', "alike"],
    ["scarf-sh/tie#46", "a value in one of the lines", '{"id":1}\n{"id":2}', '{"id":1}\n{"id":3}', ["$[*].id"]],
    [
      "meilisearch/meilisearch#6379",
      "documents without separator",
      '{"id":1}{"id":2}',
      '{"id":1}\n{"id":2}\n',
      "alike",
    ],
    [
      "meilisearch/meilisearch#6379",
      "a lost document without separator",
      '{"id":1}{"id":2}{"id":3}',
      '{"id":1}{"id":2}',
      ["$[*]"],
    ],
    ["ndjson/ndjson-spec#5", "lines of plain values", '1\n"a"\nnull', '1\n"b"\nnull', ["$[*]"]],
    [
      "ndjson/ndjson-spec#25",
      "escaped line breaks in values",
      '{"t":"a\\nb"}\n{"t":1}',
      '{"t":"a\\u000ab"}\n{"t":1}',
      "alike",
    ],
  ]),
  ...textPairs("application/json-seq", [
    ["denoland/std#2231", "a text sequence", '\x1e{"a":1}\n\x1e{"a":2}\n', '\x1e{"a":1}\n\x1e{ "a": 2 }\n', "alike"],
    [
      "denoland/std#2231",
      "a text sequence with another value",
      '\x1e{"a":1}\n\x1e{"a":2}\n',
      '\x1e{"a":1}\n\x1e{"a":3}\n',
      ["$[*].a"],
    ],
    ["jacobwilliams/json-fortran#427", "a lost separator", '\x1e{"a":1}\n\x1e{"a":2}\n', '{"a":1}\n{"a":2}\n', "alike"],
  ]),
  ...textPairs("application/json", [
    ["SPARQL-Anything/sparql.anything#283", "concatenated documents as JSON", '{"a":1}{"a":2}', '{"a":1} {"a":3}', [
      "$[*].a",
    ]],
    ["SPARQL-Anything/sparql.anything#283", "one document and two", '{"a":1}', '{"a":1}{"a":2}', ["$[*]"]],
    ["apiaryio/dredd#468", "a body that is no JSON any more", '{"a":1}', NOT_JSON, ["body"]],
    ["octokit/graphql.js#14", "partial data with errors", { data: { ref: { id: 1 } } }, {
      data: { ref: null },
      errors: [{ message: "no" }],
    }, ["$.data.ref", "$.errors"]],
    ["schemathesis/schemathesis#1139", "errors with status 200", { data: { a: 1 } }, {
      data: null,
      errors: [{ message: "no" }],
    }, ["$.data", "$.errors"]],
    [
      "meltano/sdk#3684",
      "errors beside all data",
      { data: { a: 1 } },
      { data: { a: 1 }, errors: [{ message: "no" }] },
      ["$.errors"],
    ],
    ["nautilus/graphql#43", "another message of an error", { errors: [{ message: "a" }] }, {
      errors: [{ message: "b" }],
    }, ["$.errors[*].message"]],
    ["silverstripe/silverstripe-graphql#537", "errors that are lost", { data: {}, errors: [{ message: "a" }] }, {
      data: {},
    }, ["$.errors"]],
  ]),
  ...textPairs(FORM, [
    [
      "wiremock/WireMock.Net#1143",
      "fields of a form in another order",
      "grant_type=x&client_id=1",
      "client_id=1&grant_type=x",
      "alike",
    ],
    [
      "mock-server/mockserver-monorepo#105",
      "spellings of a space",
      "a=refresh+token&b=1",
      "b=1&a=refresh%20token",
      "alike",
    ],
    ["wiremock/WireMock.Net#782", "a value of a form", "param1=value1&param2=value2", "param1=value1&param2=other", [
      "form:param2",
    ]],
    ["wiremock/wiremock#1357", "values of a repeated field in another order", "ids=2210&ids=44", "ids=44&ids=2210", [
      "form:ids",
    ]],
    ["wiremock/wiremock#142", "an added field", "p1=v1", "p1=v1&p2=v2", ["form:p2"]],
    ["wiremock/wiremock#515", "an encoded plus", "p=Value1%2BValue2", "p=Value1+Value2", ["form:p"]],
    ["wiremock/wiremock#394", "an encoded character", "q=%3E", "q=>", "alike"],
  ]),
  {
    from: "opendiffy/diffy#93",
    about: "a compressed body and the same one without compression",
    expected: zipped(LONG),
    actual: { body: LONG },
    is: "alike",
  },
  {
    from: "opendiffy/diffy#93",
    about: "two levels of compression",
    expected: zipped(LONG, 1),
    actual: zipped(LONG, 9),
    is: "alike",
  },
  {
    from: "opendiffy/diffy#93",
    about: "a value in a compressed body",
    expected: zipped('{"a":1}'),
    actual: zipped('{"a":2}'),
    is: ["$.a"],
  },
  {
    from: "jnunemaker/httparty#127",
    about: "another name of gzip",
    expected: zipped('{"a":1}'),
    actual: { body: zip('{"a":1}'), headers: [["content-encoding", "x-gzip"]] },
    is: "alike",
  },
  {
    from: "fair-acc/gnuradio4#820",
    about: "an encoding that is not applied",
    expected: zipped('{"a":1}'),
    actual: { body: '{"a":1}', headers: [["content-encoding", "gzip"]] },
    is: ["body"],
  },
  {
    from: "tent/tent.io#16",
    about: "200 and 204",
    expected: { status: 200, type: null },
    actual: { status: 204, type: null },
    is: ["status"],
  },
  {
    from: "tent/tent.io#16",
    about: "200 and 204 as equivalents",
    expected: { status: 200, type: null },
    actual: { status: 204, type: null },
    is: "alike",
    compare: { equivalentStatuses: [200, 204] },
  },
  {
    from: "dhis2/dashboard-app#3250",
    about: "201 and 204 as equivalents in one of two groups",
    expected: { status: 201, type: null },
    actual: { status: 204, type: null },
    is: "alike",
    compare: { equivalentStatuses: [[301, 308], [201, 204]] },
  },
  {
    from: "madMAx43v3r/mmx-node#302",
    about: "404 and 204",
    expected: { status: 404, type: null },
    actual: { status: 204, type: null },
    is: ["status"],
    compare: { equivalentStatuses: [200, 204] },
  },
  {
    from: "23/resumable.js#231",
    about: "any success as equivalent, with another body",
    expected: { status: 200, body: '{"a":1}' },
    actual: { status: 201, body: '{"a":2}' },
    is: ["$.a"],
    compare: { equivalentStatuses: ["2xx"] },
  },
  {
    from: "apiaryio/dredd#196",
    about: "a content type of a response without a body",
    expected: { status: 204, type: "application/json" },
    actual: { status: 204, type: null },
    is: ["header:content-type"],
  },
  {
    from: "apiaryio/dredd#556",
    about: "empty bodies",
    expected: { body: "" },
    actual: { body: "" },
    is: "alike",
  },
  {
    from: "apiaryio/dredd#1146",
    about: "status 204 on both sides",
    expected: { status: 204, type: null },
    actual: { status: 204, type: null },
    is: "alike",
  },
  {
    from: "pact-foundation/pact-reference#1",
    about: "an empty body and a missing one",
    expected: { body: "{}" },
    actual: { body: "" },
    is: ["body"],
  },
  {
    from: "inbo/etn#532",
    about: "bytes that differ in a binary body",
    expected: { type: "application/octet-stream", body: new Uint8Array([0, 13, 10]) },
    actual: { type: "application/octet-stream", body: new Uint8Array([0, 10]) },
    is: ["body"],
  },
  {
    from: "sni/Webinject#30",
    about: "an unknown encoding",
    expected: { body: "abc", headers: [["content-encoding", "snappy"]] },
    actual: { body: "abd", headers: [["content-encoding", "snappy"]] },
    is: { notComparable: "undecodable" },
  },
  {
    from: "probelabs/goreplay#520",
    about: "a failure instead of a response",
    expected: { status: 200, body: "{}" },
    actual: { status: 500, body: "{}" },
    is: ["status"],
  },
  {
    from: "probelabs/goreplay#688",
    about: "a response to HEAD",
    request: { method: "HEAD" },
    expected: { body: '{"a":1}' },
    actual: { body: '{"a":2}' },
    is: "alike",
  },
  {
    from: "mvslovers/mvsmf#263",
    about: "304 and 200 for the entity tag of the primary",
    request: { headers: { "if-none-match": '"a"' } },
    expected: { status: 304, type: null, headers: [["etag", '"a"']] },
    actual: { status: 200, body: "{}", headers: [["etag", '"b"']] },
    is: { notComparable: "precondition" },
  },
  {
    from: "processwire/processwire-issues#2201",
    about: "304 and 200 for a date",
    request: { headers: { "if-modified-since": "Wed, 21 Oct 2026 07:28:00 GMT" } },
    expected: { status: 304, type: null },
    actual: { status: 200, body: "{}" },
    is: { notComparable: "precondition" },
  },
  {
    from: "postmanlabs/httpbin#157",
    about: "206 and 200 for a range",
    request: { headers: { range: "bytes=0-1" } },
    expected: { status: 206, body: "{}", headers: [["content-range", "bytes 0-1/10"]] },
    actual: { status: 200, body: '{"a":1}' },
    is: { notComparable: "range" },
  },
  {
    from: "mnot/redbot#45",
    about: "304 without a precondition",
    expected: { status: 200, body: "{}" },
    actual: { status: 304, type: null },
    is: ["status", "header:content-type", "body"],
  },
  {
    from: "opendiffy/diffy#93",
    about: "a long body with another end",
    expected: { body: JSON.stringify(["x".repeat(300_000), 1]) },
    actual: { body: JSON.stringify(["x".repeat(300_000), 2]) },
    is: ["body"],
  },
  {
    from: "SpectoLabs/hoverfly#897",
    about: "a long body whose end may be excluded",
    expected: { body: JSON.stringify({ a: "x".repeat(300_000), time: 1 }) },
    actual: { body: JSON.stringify({ a: "x".repeat(300_000), time: 2 }) },
    is: { notComparable: "too-large" },
    compare: { ignore: "$.time" },
  },
];
