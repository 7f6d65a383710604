/** Validation of `compare`, of the top level and of services. */

import { assertEquals, assertThrows } from "@std/assert";
import type { CompareSettings } from "../../src/config/config.ts";
import { COMPARE } from "../../src/config/fields.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { validateConfig, type ValidatedConfig } from "../../src/config/validate.ts";

type Fields = Readonly<Record<string, unknown>>;

const MAIN = { name: "main", url: "http://localhost:8081", primary: true };
const NEXT = { name: "next", url: "http://localhost:8082" };

function validate(compare: unknown, fields: Fields = {}): ValidatedConfig {
  return validateConfig({ compare, services: [MAIN, { ...NEXT, ...fields }] });
}

function settings(compare: unknown, fields: Fields = {}): CompareSettings | undefined {
  return validate(compare, fields).config.services[1]!.compare;
}

function problemsOf(input: unknown): string[] {
  return assertThrows(() => validateConfig(input), ConfigError).message.split("\n");
}

const DEFAULTS: CompareSettings = {
  sample: 1,
  maxBodyBytes: 262_144,
  headers: COMPARE.fields.headers.default as readonly string[],
  ignore: [],
  normalise: [],
  unordered: [],
  tolerance: [],
  nullIsMissing: [],
  ignoreCase: [],
  instants: [],
  numericTexts: [],
  equivalentStatuses: [],
  redact: [],
  samples: "values",
  endpoints: [],
  version: undefined,
};

Deno.test("compare: true compares every service except the primary, with all defaults", () => {
  const { config } = validate(true);
  assertEquals(config.services.map(({ compare }) => compare), [undefined, DEFAULTS]);
  assertEquals(config.compare, { replaySample: 0.1, replayable: [], maxMemoryBytes: 67_108_864 });
});

Deno.test("no service is compared without compare, or with compare: false", () => {
  for (const { config } of [validate(undefined), validate(false), validate(true, { compare: false })]) {
    assertEquals(config.services.map(({ compare }) => compare), [undefined, undefined]);
    assertEquals(config.compare, undefined);
  }
});

Deno.test("a service can be compared without compare at the top level", () => {
  const input = { services: [MAIN, { ...NEXT, compare: true }, { ...NEXT, name: "third" }] };
  assertEquals(validateConfig(input).config.services.map(({ compare }) => compare), [undefined, DEFAULTS, undefined]);
  assertEquals(settings(undefined, { compare: { sample: "10%" } }), { ...DEFAULTS, sample: 0.1 });
});

const A = { kind: "json", steps: [{ isDeep: false, key: "a" }] } as const;
const B = { kind: "json", steps: [{ isDeep: false, key: "b" }] } as const;

Deno.test("settings of a service replace those of the top level, and its rules come first", () => {
  assertEquals(
    settings(
      {
        sample: 0.5,
        headers: "etag",
        ignore: "$.b",
        normalise: { pattern: "b" },
        arrays: "unordered",
        samples: "none",
      },
      {
        compare: {
          headers: ["Vary"],
          ignore: ["$.a", "status", "header:X-*"],
          normalise: [{ pattern: "a", replacement: "$1", path: "$.a" }],
          arrays: "ordered",
          tolerance: { relative: "1%" },
          redact: "$.a",
          endpoints: "/users/{id}",
        },
      },
    ),
    {
      ...DEFAULTS,
      sample: 0.5,
      headers: ["vary"],
      ignore: [{ path: A }, { path: { kind: "status" } }, { path: { kind: "header", name: "x-*" } }, { path: B }],
      normalise: [
        { pattern: "a", replacement: "$1", path: A },
        { pattern: "b", replacement: "", path: undefined },
      ],
      tolerance: [{ absolute: 0, relative: 0.01, path: undefined }],
      redact: [A],
      samples: "none",
      endpoints: ["/users/{id}"],
    },
  );
});

// Columns: compare; settings other than the defaults.
const READ: readonly (readonly [compare: Fields, settings: Partial<CompareSettings>])[] = [
  [{ maxBody: "1MiB" }, { maxBodyBytes: 1_048_576 }],
  [{ arrays: "unordered" }, { unordered: "all" }],
  [{ arrays: "$.a" }, { unordered: [{ path: A }] }],
  [{ arrays: ["$.a", "$.b"] }, { unordered: [{ path: A }, { path: B }] }],
  [{ arrays: { "$.a": { key: "id" }, "$.b": "unordered" } }, {
    unordered: [{ path: A, identity: [["id"]] }, { path: B }],
  }],
  [{ arrays: { "$.a": { key: ["tenant", "node.id"] } } }, {
    unordered: [{ path: A, identity: [["tenant"], ["node", "id"]] }],
  }],
  [{ nullIsMissing: true, ignoreCase: true, instants: "$.a", numericTexts: ["$.a", "form:b"] }, {
    nullIsMissing: [{ kind: "json", steps: [] }],
    ignoreCase: [{ kind: "body" }],
    instants: [A],
    numericTexts: [A, { kind: "form", name: "b" }],
  }],
  [{ equivalentStatuses: [200, "204"] }, { equivalentStatuses: [[{ from: 200, to: 200 }, { from: 204, to: 204 }]] }],
  [{ equivalentStatuses: [[200, 204], ["300-303", 308]] }, {
    equivalentStatuses: [[{ from: 200, to: 200 }, { from: 204, to: 204 }], [{ from: 300, to: 303 }, {
      from: 308,
      to: 308,
    }]],
  }],
  [{ tolerance: [{ absolute: 0.5, path: "$.a" }, { absolute: "1e-9" }] }, {
    tolerance: [{ absolute: 0.5, relative: 0, path: A }, { absolute: 1e-9, relative: 0, path: undefined }],
  }],
];

for (const [compare, expected] of READ) {
  Deno.test(`validateConfig() reads compare: ${JSON.stringify(compare)}`, () => {
    assertEquals(settings(compare), { ...DEFAULTS, ...expected });
  });
}

Deno.test("noise: off replays no requests", () => {
  assertEquals(validate({ noise: "off", maxMemory: "1MiB" }).config.compare, {
    replaySample: 0,
    replayable: [],
    maxMemoryBytes: 1_048_576,
  });
});

Deno.test("replayable: requests that are replayed like GET requests", () => {
  assertEquals(validate({ replayable: "post /graphql" }).config.compare?.replayable, [
    { method: "POST", path: "/graphql" },
  ]);
});

const NAMES = '"status", "outcome", "body", "closeCode", "header:NAME", "form:NAME" or a path that begins with "$"';

// Columns: compare; the problem.
const WRONG: readonly (readonly [compare: unknown, problem: string])[] = [
  ["maybe", 'compare: must be true or false: found "maybe"'],
  [
    { ignore: ["status", "items.id"] },
    `compare.ignore[1]: must be a path like "$.items[*].id": found "items.id", expected ${NAMES}`,
  ],
  [
    { ignore: "$.items[0].id" },
    'compare.ignore: must be a path like "$.items[*].id": found "$.items[0].id", expected "*" or a quoted key at position 9',
  ],
  [{ ignore: [7] }, 'compare.ignore[0]: must be a path like "$.items[*].id": found 7'],
  [{ arrays: "header:a" }, 'compare.arrays: must be "ordered", "unordered", JSON paths or a mapping: found "header:a"'],
  [
    { arrays: { a: "unordered" } },
    'compare.arrays.a: must be a path like "$.items[*].id": found "a", expected ' + NAMES,
  ],
  [{ arrays: { "$.a": "id" } }, 'compare.arrays["$.a"]: must be "unordered" or a mapping with `key`: found "id"'],
  [{ arrays: { "$.a": { keys: "id" } } }, 'compare.arrays["$.a"].keys: unknown key; did you mean "key"?'],
  [
    { arrays: { "$.a": { key: "a..b" } } },
    'compare.arrays["$.a"].key: must be a name like "id" or "node.id": found "a..b"',
  ],
  [{ nullIsMissing: "header:a" }, 'compare.nullIsMissing: must be a path that begins with "$": found "header:a"'],
  [{ equivalentStatuses: 204 }, "compare.equivalentStatuses: must be a list of status codes: found 204"],
  [
    { replayable: "/graphql" },
    'compare.replayable: must be a method and a path, like "POST /graphql": found "/graphql"',
  ],
  [{ arrays: ["body"] }, 'compare.arrays[0]: must be a path that begins with "$": found "body"'],
  [
    { normalise: { pattern: "(" } },
    'compare.normalise.pattern: must be a regular expression: found "(", unterminated group',
  ],
  [{ normalise: [{}] }, "compare.normalise[0].pattern: is required"],
  ...[
    ["(a)\\1", "a backreference"],
    ["(?<x>a)\\k<x>", "a backreference"],
    ["a(?!b)", "a lookahead"],
    ["(?<=token=)\\w+", "a lookbehind"],
    ["(a{1000}){1000}", "repetitions that amount to more than 4096 steps"],
    ["()".repeat(101), "more than 100 capture groups"],
  ].map(([pattern = "", construct]): [object, string] => [
    { normalise: [{ pattern }] },
    `compare.normalise[0].pattern: must not use ${construct}: found ${
      JSON.stringify(pattern.length > 64 ? `${pattern.slice(0, 64)}…` : pattern)
    }`,
  ]),
  [{ tolerance: { absolute: -1 } }, "compare.tolerance.absolute: must be a number of at least 0: found -1"],
  [
    { endpoints: "users/{id}" },
    'compare.endpoints: must be a path that begins with "/", with variable segments like "{id}": found "users/{id}"',
  ],
  [{ ignroe: [] }, 'compare.ignroe: unknown key; did you mean "ignore"?'],
];

for (const [compare, problem] of WRONG) {
  Deno.test(`validateConfig() rejects compare: ${JSON.stringify(compare)}`, () => {
    assertEquals(problemsOf({ compare, services: [MAIN] }), [problem]);
  });
}

Deno.test("a control cannot be a primary, and must be compared", () => {
  assertEquals(validate(true, { control: true }).config.services.map(({ control }) => control), [false, true]);
  assertEquals(problemsOf({ compare: true, services: [{ ...MAIN, control: true }] }), [
    "services[0].control: cannot be combined with `primary`: a control is compared with the primary",
  ]);
  assertEquals(problemsOf({ compare: true, services: [{ ...NEXT, control: true }, { ...NEXT, name: "third" }] }), [
    "services[0].control: must be false: no other service of the route can be the primary",
  ]);
  assertEquals(problemsOf({ compare: true, services: [MAIN, { ...NEXT, control: true, compare: false }] }), [
    "services[1].control: cannot be combined with `compare: false`: a control must be compared",
  ]);
  assertEquals(validate(undefined, { control: true }).warnings, [
    "services[1].control: has no effect: no service is compared",
  ]);
});

Deno.test("a primary cannot have compare", () => {
  assertEquals(problemsOf({ services: [{ ...MAIN, compare: {} }] }), [
    "services[0].compare: cannot be combined with `primary`: other services are compared with the primary",
  ]);
});

Deno.test("validateConfig() accepts patterns that are slow in backtracking engines", () => {
  for (
    const pattern of ["(a|a)*$", "(\\w|\\d)+=", ".*.*=.*", "(?:x*y*)*", "(.*,){2,}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}"]
  ) {
    assertEquals(validate({ normalise: { pattern, replacement: "$1" } }).warnings, []);
  }
});
