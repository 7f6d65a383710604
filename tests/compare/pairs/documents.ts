/** JSON documents: keys, types, presence, rules by path. */

import { jsonPairs, type Pair } from "./pair.ts";

const STORE = { store: { book: "HDR", creationDate: "2020-12-12" } };

export const DOCUMENTS: readonly Pair[] = jsonPairs([
  ["zxlie/FeHelper#260", "a number and its text", { cur_page: 1 }, { cur_page: "1" }, ["$.cur_page"]],
  ["mattphillips/deep-object-diff#13", "a text and its number", { a: "8" }, { a: 8 }, ["$.a"]],
  ["qlustered/deepdiff#180", "a number from another source as text", { a: "41" }, { a: 41 }, ["$.a"]],
  ["andreyvit/json-diff#56", "a number and its text in an array", [1], ["1"], ["$[*]"]],
  [
    "blitlabs/online-json-diff#33",
    "types that are loosely equal",
    { id: "10012", type: 1 },
    { id: 10012, type: true },
    [
      "$.id",
      "$.type",
    ],
  ],
  ["flitbit/diff#106", "an object and null", { a: { b: 1 } }, { a: null }, ["$.a"]],
  ["tshaddix/webext-redux#175", "null that becomes an object", { state: null }, { state: { a: 1 } }, ["$.state"]],
  ["flitbit/diff#70", "a member that is null, and an absent one", { foo: null }, {}, ["$.foo"]],
  ["mattphillips/deep-object-diff#58", "a key hasOwnProperty", { hasOwnProperty: 1 }, { hasOwnProperty: 2 }, [
    "$.hasOwnProperty",
  ]],
  ["flitbit/diff#112", "a key __proto__", '{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}', ["$.__proto__.a"]],
  ["flitbit/diff#49", "an added member of an empty object", {}, { wilbur: "funky" }, ["$.wilbur"]],
  ["skyscreamer/JSONassert#72", "an empty object and one with members", {}, { a: 123 }, ["$.a"]],
  ["skyscreamer/JSONassert#43", "null and absence, by default", { name: "test", age: null }, { name: "test" }, [
    "$.age",
  ]],
  ["skyscreamer/JSONassert#43", "null and absence as equals", { name: "test", age: null }, { name: "test" }, "alike", {
    nullIsMissing: true,
  }],
  ["skyscreamer/JSONassert#120", "a further member that is null", { a: 1 }, { a: 1, b: null }, "alike", {
    nullIsMissing: true,
  }],
  ["skyscreamer/JSONassert#120", "a further member that is not null", { a: 1 }, { a: 1, b: 0 }, ["$.b"], {
    nullIsMissing: true,
  }],
  [
    "lukas-krecan/JsonUnit#995",
    "null and absence in either direction",
    { test: { a: 1 } },
    { test: { a: 1, b: null } },
    "alike",
    { nullIsMissing: "$.test" },
  ],
  ["lukas-krecan/JsonUnit#995", "null and absence at another path", { x: { a: 1 } }, { x: { a: 1, b: null } }, [
    "$.x.b",
  ], {
    nullIsMissing: "$.test",
  }],
  ["lukas-krecan/JsonUnit#97", "null instead of a value", { test: 1 }, { test: null }, ["$.test"], {
    nullIsMissing: true,
  }],
  ["lukas-krecan/JsonUnit#29", "null instead of a document", { key: "value", other: "another" }, "null", ["$"]],
  ["spring-projects/spring-boot#17608", "a property that must be absent", {}, { myProperty: null }, ["$.myProperty"]],
  ["wiremock/wiremock#3135", "null elements of arrays, which are never ignored", { a: [1, null] }, { a: [1] }, [
    "$.a[*]",
  ], {
    nullIsMissing: true,
  }],
  ["VerifyTests/Verify#802", "an empty array and an absent one", { a: 1, b: [] }, { a: 1 }, ["$.b"]],
  ["google/go-cmp#18", "null and an empty array", { list: null }, { list: [] }, ["$.list"]],
  ["grafana-cold-storage/cortex-tools#61", "null and an empty object", { labels: null }, { labels: {} }, ["$.labels"]],
  ["brooklynDev/airborne#19", "an array that became empty", { cars: [{ make: "Toyota" }] }, { cars: [] }, [
    "$.cars[*]",
  ]],
  ["spring-attic/spring-cloud-contract#815", "an array in an array", [[{ payments: 7 }]], [{ payments: 7 }], ["$[*]"]],
  ["kgabis/parson#7", "a repeated key", '{"x":1,"x":2}', { x: 2 }, "alike"],
  ["bblanchon/ArduinoJson#1095", "the first of two values of a key", '{"a":1,"a":2}', { a: 1 }, ["$.a"]],
  ["facebookincubator/velox#18212", "a repeated key in both", '{"a":1,"a":2}', '{"a":0,"a":2}', "alike"],
  ["kirodotdev/KiroCrew#2081", "an escaped key", '{"n\\u0061me":1}', '{"name":1}', "alike"],
  ["tlocke/zish#3", "composed and decomposed letters", '{"\\u00e9":1}', '{"e\\u0301":1}', [
    '$["\u00e9"]',
    '$["e\u0301"]',
  ]],
  ["Azure/azure-sdk-for-c#608", "an escaped letter", '{"a":"e"}', '{"a":"\\u0065"}', "alike"],
  ["ultrajson/ultrajson#110", "an escaped slash", '{"a":"/"}', '{"a":"\\/"}', "alike"],
  ["ultrajson/ultrajson#144", "four spellings of a slash", '["/","/","/"]', '["\\/","\\u002f","\\u002F"]', "alike"],
  ["ultrajson/ultrajson#187", "a slash that is escaped twice", '{"a":"my / string"}', '{"a":"my \\\\/ string"}', [
    "$.a",
  ]],
  ["json-e/json-e#500", "a surrogate pair and its character", '["🠉"]', '["\\ud83e\\udc09"]', "alike"],
  [
    "jchambers/pushy#918",
    "slashes in the text of a document",
    '{"a":"{\\"u\\":\\"x/y\\"}"}',
    '{"a":"{\\"u\\":\\"x\\\\/y\\"}"}',
    ["$.a"],
  ],
  ["SpectoLabs/hoverfly#954", "a time stamp, by default", { time: 1, a: 2 }, { time: 3, a: 2 }, ["$.time"]],
  ["SpectoLabs/hoverfly#1040", "an excluded field", { time: 1, a: 2 }, { time: 3, a: 2 }, "alike", {
    ignore: "$.time",
  }],
  ["SpectoLabs/hoverfly#897", "an excluded field, and another that differs", { time: 1, a: 2 }, { time: 3, a: 4 }, [
    "$.a",
  ], {
    ignore: "$.time",
  }],
  [
    "lukas-krecan/JsonUnit#807",
    "a name at any depth",
    STORE,
    { store: { ...STORE.store, creationDate: "x" } },
    "alike",
    {
      ignore: "$..creationDate",
    },
  ],
  [
    "lukas-krecan/JsonUnit#807",
    "a name at any depth that moved",
    STORE,
    { creationDate: "2020-12-12", store: { book: "HDR" } },
    "alike",
    { ignore: "$..creationDate" },
  ],
  [
    "lukas-krecan/JsonUnit#69",
    "ids of all elements",
    { items: [{ ID: 1 }, { ID: 2 }] },
    { items: [{ ID: 3 }, { ID: 4 }] },
    "alike",
    {
      ignore: "$.items[*].ID",
    },
  ],
  [
    "lukas-krecan/JsonUnit#172",
    "one of two values of all elements",
    { items: [{ parent: { child1: "a", child2: "1" } }] },
    { items: [{ parent: { child1: "b", child2: "2" } }] },
    ["$.items[*].parent.child1"],
    { ignore: "$.items[*].parent.child2" },
  ],
  [
    "inveniosoftware/dictdiffer#108",
    "a field in nested arrays",
    { races: [{ reportingUnits: [{ apiAccessTime: 1 }] }] },
    { races: [{ reportingUnits: [{ apiAccessTime: 2 }] }] },
    "alike",
    { ignore: "$.races[*].reportingUnits[*].apiAccessTime" },
  ],
  [
    "qlustered/deepdiff#80",
    "a field that only one response has",
    { case: { files: [{ name: "a" }] } },
    { case: { files: [{ name: "a", presignedUrl: "u" }] } },
    "alike",
    { ignore: "$.case.files[*].presignedUrl" },
  ],
  ["skyscreamer/JSONassert#15", "a generated id that is missing", { id: 7, name: "a" }, { name: "a" }, ["$.id"]],
  ["qlustered/deepdiff#555", "members that only one response has", { a: { z: 1 }, b: "1", c: "1", d: "1" }, {
    a: { z: 1 },
  }, [
    "$.b",
    "$.c",
    "$.d",
  ]],
  [
    "deblockt/json-diff#2",
    "a small difference in a large document",
    {
      list: Array.from({ length: 3_000 }, (_, i) => i),
      text: "a",
    },
    { list: Array.from({ length: 3_000 }, (_, i) => i), text: "b" },
    ["$.text"],
  ],
  [
    "andreyvit/json-diff#114",
    "white space and order of keys",
    '{"amount":42,"b":[1, 2]}',
    '{ "b": [1,2],\n "amount": 42 }',
    "alike",
  ],
  [
    "Starcounter-Jack/JSON-Patch#152",
    "repeated keys with another last one",
    '{"list":[{"arch":"x64","arch":"x86"}]}',
    '{"list":[{"arch":"x86","arch":"x64"}]}',
    [
      "$.list[*].arch",
    ],
  ],
  ["SpectoLabs/hoverfly#354", "a value that became stale", { hello: "world" }, { hello: "there" }, ["$.hello"]],
  [
    "probelabs/goreplay#252",
    "a value that may differ by a pattern",
    { trace: "id-123" },
    { trace: "id-456" },
    "alike",
    {
      normalise: { pattern: "id-\\d+", replacement: "id", path: "$.trace" },
    },
  ],
]);
