/** Arrays: order, identity, added and removed elements. */

import { jsonPairs, type Pair, type Row } from "./pair.ts";

const UNORDERED = { arrays: "unordered" };

function list(length: number, element: (index: number) => unknown): unknown[] {
  return Array.from({ length }, (_, index) => element(index));
}

const PRODUCTS = list(100, (id) => ({ id, price: id }));
const WRONG_PRICES = list(100, (id) => ({ id, price: id + 1 })).reverse();
const ALIKE = list(120, (id) => ({ state: id % 2, price: id }));
const ALIKE_WRONG = list(120, (id) => ({ state: id % 2, price: id + 1_000 })).reverse();
const KEYS = (values: readonly string[]) =>
  values.map((contentId, index) => ({ contentId, sortIndex: index, child: true }));

const ROWS: readonly Row[] = [
  ["karatelabs/karate#600", "another order, by default", { key1: ["1", "2"] }, { key1: ["2", "1"] }, ["$.key1[*]"]],
  ["karatelabs/karate#600", "another order", { key1: ["1", "2"] }, { key1: ["2", "1"] }, "alike", UNORDERED],
  [
    "karatelabs/karate#2093",
    "another order of numbers",
    { a: [1, 2, 3, 4, 5] },
    { a: [1, 2, 3, 5, 4] },
    "alike",
    UNORDERED,
  ],
  ["karatelabs/karate#2093", "another order, and one more", { a: [1, 2, 3, 4, 5] }, { a: [1, 2, 3, 5, 4, 6] }, [
    "$.a[*]",
  ], UNORDERED],
  ["karatelabs/karate#7", "all elements in any order", { winners: [23, 54] }, { winners: [54, 23] }, "alike", {
    arrays: "$.winners",
  }],
  ["karatelabs/karate#925", "an element with one more member", { array1: [{ key1: "v" }] }, {
    array1: [{ key1: "v", key2: "w" }],
  }, [
    "$.array1[*].key2",
  ]],
  ["bastion-dev/Bastion#40", "a lost element of an unordered array", { array: ["first", "second", "third"] }, {
    array: ["third", "first"],
  }, [
    "$.array[*]",
  ], UNORDERED],
  [
    "bastion-dev/Bastion#40",
    "an added element of an unordered array",
    { array: ["first", "second"] },
    {
      array: ["third", "first", "second"],
    },
    ["$.array[*]"],
    UNORDERED,
  ],
  ["wiremock/wiremock#661", "numbers in reverse order", [1, 2, 3, 4], [4, 3, 2, 1], "alike", UNORDERED],
  ["wiremock/wiremock#661", "numbers in random order", [1, 2, 3, 4], [3, 2, 4, 1], "alike", UNORDERED],
  ["wiremock/wiremock#661", "numbers and further ones", [1, 2, 3, 4], [1, 3, 2, 4, 5, 6], ["$[*]"], UNORDERED],
  ["wiremock/wiremock#1230", "two swapped pairs", [..."abcdefgh"], [..."badcefgh"], "alike", UNORDERED],
  [
    "wiremock/wiremock#1326",
    "an element with other members, and one with more",
    { a: [{ b: 3 }] },
    {
      a: [{ b: 0, c: 1 }, { b: 3, c: 1 }],
    },
    ["$.a[*].c", "$.a[*]"],
    UNORDERED,
  ],
  ["wiremock/wiremock#1880", "an extra element", { items: [1] }, { items: [1, 2] }, ["$.items[*]"]],
  ["wiremock/wiremock#1013", "empty arrays", [], [], "alike", UNORDERED],
  ["wiremock/kotlin-wiremock#36", "an unordered array in an ordered one", [[1, 2], [3]], [[2, 1], [3]], "alike", {
    arrays: "$[*]",
  }],
  ["wiremock/kotlin-wiremock#36", "an ordered array of unordered ones", [[1, 2], [3]], [[3], [2, 1]], ["$[*][*]"], {
    arrays: "$[*]",
  }],
  [
    "lukas-krecan/JsonUnit#21",
    "employees in another order",
    {
      employees: [{ firstName: "Joe", lastName: "Doe" }, { firstName: "Jason", lastName: "Kowalski" }],
    },
    { employees: [{ lastName: "Kowalski", firstName: "Jason" }, { lastName: "Doe", firstName: "Joe" }] },
    "alike",
    UNORDERED,
  ],
  [
    "lukas-krecan/JsonUnit#28",
    "one value of a list of points in another order",
    {
      dataPoints: [{ iso: "01", value: "true" }, { iso: "02", value: "false" }, { iso: "03", value: "true" }],
    },
    { dataPoints: [{ iso: "03", value: "true" }, { iso: "02", value: "true" }, { iso: "01", value: "true" }] },
    [
      "$.dataPoints[*].value",
    ],
    UNORDERED,
  ],
  ["lukas-krecan/JsonUnit#57", "one field of one element", [{ id: 1, a: 1 }, { id: 2, a: 2 }], [{ id: 2, a: 2 }, {
    id: 1,
    a: 9,
  }], [
    "$[*].a",
  ], UNORDERED],
  ["lukas-krecan/JsonUnit#86", "arrays that contain others", [[2], [1]], [[1, 2], [2]], ["$[*][*]"], UNORDERED],
  [
    "lukas-krecan/JsonUnit#107",
    "an ignored field in nested unordered arrays",
    {
      calendars: [{ dates: [{ id: "a", from: 1 }, { id: "b", from: 2 }] }],
    },
    { calendars: [{ dates: [{ id: "b", from: 3 }, { id: "a", from: 4 }] }] },
    "alike",
    {
      ...UNORDERED,
      ignore: "$.calendars[*].dates[*].from",
    },
  ],
  [
    "lukas-krecan/JsonUnit#167",
    "repeated ids in another order",
    { keys: KEYS(["a", "a", "b", "c"]) },
    { keys: KEYS(["a", "a", "b", "c"]).reverse() },
    "alike",
    UNORDERED,
  ],
  [
    "lukas-krecan/JsonUnit#167",
    "an ignored index with repeated ids",
    { keys: KEYS(["a", "a", "b"]) },
    { keys: KEYS(["b", "a", "a"]) },
    "alike",
    {
      ...UNORDERED,
      ignore: "$.keys[*].sortIndex",
    },
  ],
  [
    "lukas-krecan/JsonUnit#179",
    "inner arrays in another order",
    {
      lineItems: [{ lineNumber: 1, promotions: [{ id: "p", d: -222 }, { id: "o", d: -9.51 }] }, {
        lineNumber: 2,
        promotions: [],
      }],
    },
    {
      lineItems: [{ lineNumber: 2, promotions: [] }, {
        lineNumber: 1,
        promotions: [{ id: "o", d: -9.51 }, { id: "p", d: -222 }],
      }],
    },
    "alike",
    UNORDERED,
  ],
  ["skyscreamer/JSONassert#66", "a value in the nth element", {
    a: [{ id: 1, v: 1 }, { id: 2, v: 2 }, { id: 3, v: 3 }],
  }, {
    a: [{ id: 1, v: 1 }, { id: 2, v: 2 }, { id: 3, v: 4 }],
  }, ["$.a[*].v"]],
  [
    "skyscreamer/JSONassert#66",
    "friends and pets in another order",
    {
      friends: [{ id: 2, pets: ["dog"] }, { id: 3, pets: ["bird", "fish"] }],
    },
    { friends: [{ id: 3, pets: ["fish", "bird"] }, { id: 2, pets: ["dog"] }] },
    "alike",
    UNORDERED,
  ],
  [
    "skyscreamer/JSONassert#109",
    "an ignored random id of elements",
    {
      tariffs: [{ id: "uuid-a", type: 1 }, { id: "uuid-b", type: 2 }],
    },
    { tariffs: [{ id: "uuid-d", type: 2 }, { id: "uuid-c", type: 1 }] },
    "alike",
    { ...UNORDERED, ignore: "$.tariffs[*].id" },
  ],
  [
    "kvnxiao/jsonequals#4",
    "several arrays in another order",
    { a: [1, 2], b: [{ c: [3, 4] }] },
    { a: [2, 1], b: [{ c: [4, 3] }] },
    "alike",
    UNORDERED,
  ],
  [
    "benjamine/jsondiffpatch#111",
    "a moved element",
    [{ sampleid: 1 }, { sampleid: 2 }],
    [{ sampleid: 2 }, { sampleid: 1 }],
    "alike",
    {
      arrays: { $: { key: "sampleid" } },
    },
  ],
  [
    "benjamine/jsondiffpatch#79",
    "order that does not count",
    [{ id: 1 }, { id: 2 }],
    [{ id: 2 }, { id: 1 }],
    "alike",
    UNORDERED,
  ],
  ["benjamine/jsondiffpatch#80", "an added first element without an id", [{ abc: "abc" }], [{ bcd: "bcd" }, {
    abc: "abc",
  }], ["$[*]"]],
  ["benjamine/jsondiffpatch#269", "a removed element and a changed one", [{ id: 1, value: 1 }, { id: 2, value: 2 }], [{
    id: 2,
    value: 2.1,
  }], [
    "$[*].value",
    "$[*]",
  ], { arrays: { $: { key: "id" } } }],
  [
    "benjamine/jsondiffpatch#16",
    "an added element before a changed one",
    { a: [{ id: 3, title: "Third" }] },
    {
      a: [{ id: 1, title: "First" }, { id: 3, title: "Third updated" }],
    },
    ["$.a[*].title", "$.a[*]"],
    { arrays: { "$.a": { key: "id" } } },
  ],
  ["benjamine/jsondiffpatch#46", "moved numbers", [1, 2, 3, 4], [2, 4, 1, 3], "alike", UNORDERED],
  ["benjamine/jsondiffpatch#380", "all elements in reverse order", ["first", "second", "third"], [
    "third",
    "second",
    "first",
  ], ["$[*]"]],
  ["benjamine/jsondiffpatch#254", "an element with another code", [{ code: "1" }, { code: "2" }], [{ code: "3" }, {
    code: "1",
  }, { code: "2" }], [
    "$[*]",
  ], { arrays: { $: { key: "code" } } }],
  [
    "benjamine/jsondiffpatch#158",
    "a removed block at another level",
    [{ blockid: 1, blocks: [{ blockid: 30 }] }],
    [
      { blockid: 1, blocks: [] },
    ],
    ["$[*].blocks[*]"],
    UNORDERED,
  ],
  [
    "pikaju/dart-json-patch#10",
    "two moved messages",
    [{ message: "1" }, { message: "2" }],
    [{ message: "2" }, { message: "1" }],
    "alike",
    UNORDERED,
  ],
  ["wbish/jsondiffpatch.net#73", "a value of the first of two variables", {
    Variables: [{ Id: "v1", Value: "1" }, { Id: "v2", Value: "2" }],
  }, {
    Variables: [{ Id: "v1", Value: "x" }, { Id: "v2", Value: "2" }],
  }, ["$.Variables[*].Value"]],
  [
    "wbish/jsondiffpatch.net#60",
    "texts in another order",
    { items: ["one", "two"] },
    { items: ["two", "one"] },
    "alike",
    { arrays: "$.items" },
  ],
  [
    "espadrine/json-diff#4",
    "equal arrays with repeated elements",
    [{ key: "BUG" }, { key: "c" }, { key: "BUG" }],
    [{ key: "BUG" }, { key: "c" }, { key: "BUG" }],
    "alike",
    UNORDERED,
  ],
  [
    "josdejong/svelte-jsoneditor#544",
    "two UUIDs in another order",
    { data: [{ id: "01c9f36c" }, { id: "52b0d73c" }] },
    {
      data: [{ id: "52b0d73c" }, { id: "01c9f36c" }],
    },
    "alike",
    UNORDERED,
  ],
  [
    "swaggest/json-diff#33",
    "elements without a common member",
    { data: [{ A: 1 }, { B: 2 }] },
    { data: [{ B: 2 }, { A: 1 }] },
    "alike",
    UNORDERED,
  ],
  [
    "zgrossbart/jdd#3",
    "arrays in elements in another order",
    { tags: [{ tech: [1, 2] }, { iphone: [3, 4, 5] }] },
    {
      tags: [{ iphone: [5, 3, 4] }, { tech: [2, 1] }],
    },
    "alike",
    UNORDERED,
  ],
  [
    "omgaz/diffler#29",
    "identical elements in another order",
    { myArray: [{ foo: "bar" }, { baz: "bat" }] },
    {
      myArray: [{ baz: "bat" }, { foo: "bar" }],
    },
    "alike",
    UNORDERED,
  ],
  [
    "bazaarvoice/jolt#95",
    "arrays at two levels in another order",
    {
      order: ["Pros", "Cons"],
      values: { pros: [{ Value: "Fun", Count: 2 }, { Value: "Easy", Count: 2 }] },
    },
    { order: ["Cons", "Pros"], values: { pros: [{ Value: "Easy", Count: 2 }, { Value: "Fun", Count: 2 }] } },
    "alike",
    UNORDERED,
  ],
  ["flitbit/diff#122", "one more of equal elements", { b: [1, 2, 3] }, { b: [1, 3, 2, 3] }, ["$.b[*]"], UNORDERED],
  [
    "RexSkz/json-diff-kit#42",
    "ids in another order",
    [{ id: "1", x: "a" }, { id: "2", x: "b" }],
    [{ id: "2", x: "b" }, { id: "1", x: "a" }],
    "alike",
    UNORDERED,
  ],
  ["viruschidai/diff-json#10", "names in another order, by default", {
    children: [{ name: "kid1", age: 1 }, { name: "kid2", age: 2 }],
  }, {
    children: [{ name: "kid2", age: 2 }, { name: "kid1", age: 1 }],
  }, ["$.children[*].name", "$.children[*].age"]],
  ["inveniosoftware/dictdiffer#73", "repeated elements that are lost", { first: [1, 2, 2] }, { first: [2, 1] }, [
    "$.first[*]",
  ], UNORDERED],
  [
    "qlustered/deepdiff#120",
    "a time stamp of the only element",
    {
      meterValue: [{
        timestamp: "2018-12-19",
        sampledValue: [{ value: "0", phase: "L1" }, { value: "0.00", phase: "L2" }],
      }],
    },
    {
      meterValue: [{
        timestamp: "2018-12-20",
        sampledValue: [{ value: "0", phase: "L1" }, { value: "0.00", phase: "L2" }],
      }],
    },
    ["$.meterValue[*].timestamp"],
    UNORDERED,
  ],
  [
    "qlustered/deepdiff#48",
    "nested arrays in another order",
    { a: [[{ b: 2, c: 4 }, { b: 2, c: 3 }]] },
    { a: [[{ b: 2, c: 3 }, { b: 2, c: 4 }]] },
    "alike",
    UNORDERED,
  ],
  [
    "qlustered/deepdiff#431",
    "a tolerance in an unordered array",
    [{ x: 0.001 }, { x: 5 }],
    [{ x: 5 }, { x: 0.0011 }],
    "alike",
    {
      ...UNORDERED,
      tolerance: { absolute: 0.01 },
    },
  ],
  [
    "qlustered/deepdiff#485",
    "spellings of a number in an unordered array",
    '[{"a":1}]',
    '[{"a":1.0}]',
    "alike",
    UNORDERED,
  ],
  ["opendiffy/diffy#40", "order that is noise", { ids: [3, 1, 2] }, { ids: [1, 2, 3] }, "alike", { arrays: "$.ids" }],
  ["opendiffy/diffy#41", "order that counts", { ids: [3, 1, 2] }, { ids: [1, 2, 3] }, ["$.ids[*]"]],
  [
    "opendiffy/diffy#70",
    "every price of a long list in another order",
    PRODUCTS,
    WRONG_PRICES,
    ["$[*].price"],
    UNORDERED,
  ],
  ["qlustered/deepdiff#136", "a long list of elements that are too alike", ALIKE, ALIKE_WRONG, {
    notComparable: "array-too-long",
  }, UNORDERED],
  [
    "yudai/gojsondiff#52",
    "order of one of two arrays",
    { a: [1, 2], b: [1, 2] },
    { a: [2, 1], b: [2, 1] },
    ["$.b[*]"],
    { arrays: "$.a" },
  ],
  ["keploy/keploy#48", "an element of an unordered array that is missing", [{ id: 1 }, { id: 2 }], [{ id: 2 }], [
    "$[*]",
  ], UNORDERED],
  ["keploy/keploy#3330", "plain values in another order", [{ id: 1 }, { id: 2 }], [{ id: 2 }, { id: 1 }], ["$[*].id"]],
];

export const ARRAYS: readonly Pair[] = jsonPairs(ROWS);
