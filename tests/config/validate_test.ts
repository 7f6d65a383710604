import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import type { Config, Service } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { costRatio } from "../_support/cost.ts";

const API = { name: "api", url: "http://localhost:8081" };

/** The problems of an input, as the message lists them. */
function problemsOf(input: unknown): string[] {
  return assertThrows(() => validateConfig(input), ConfigError).message.split("\n");
}

/** Returns the configuration for one field of the top level. */
function top(fields: Record<string, unknown>): Config {
  return validateConfig({ services: [API], ...fields }).config;
}

/** Returns the service for one field. */
function service(fields: Record<string, unknown>): Service {
  return validateConfig({ services: [{ ...API, ...fields }] }).config.services[0]!;
}

Deno.test("validateConfig() fills every default", () => {
  const { config, warnings } = validateConfig({ services: [API] });
  const expected: Service = {
    name: "api",
    origin: "http://localhost:8081",
    basePath: "",
    shown: { url: "http://localhost:8081", isUrlSecret: false, healthPath: undefined, serverName: undefined },
    tls: undefined,
    http2: false,
    maxConnectionAgeMs: 300_000,
    timeoutMs: 30_000,
    stripPrefix: false,
    failOn: [{ from: 500, to: 599 }],
    host: "target",
    headers: [],
    removeHeaders: [],
    upgrade: undefined,
    responseHeaders: [],
    breaker: undefined,
    health: undefined,
    hedge: undefined,
    shadow: undefined,
    compare: undefined,
    control: false,
  };
  assertEquals(warnings, []);
  assertEquals(config, {
    port: 8080,
    hostname: "0.0.0.0",
    shownHostname: "0.0.0.0",
    socketMode: undefined,
    listener: { kind: "deno", reason: "no field needs the node listener" },
    clientTimeouts: { headerMs: 15_000, requestMs: Infinity, idleMs: 75_000, writeMs: 60_000 },
    tls: undefined,
    timeoutMs: 30_000,
    wait: "all",
    relayFailures: false,
    identify: true,
    serverTiming: false,
    forwarded: false,
    trustProxy: [],
    maxBodyBytes: Infinity,
    bodyWindowBytes: 1_048_576,
    upgradeIdleTimeoutMs: 300_000,
    limits: {
      maxInFlight: 5_000,
      maxInFlightPerClient: undefined,
      maxUploads: 2_500,
      maxTunnels: 2_500,
      minUploadBytesPerSecond: 240,
      maxConnectionsPerService: Infinity,
      maxQueuedPerService: 0,
      maxConnections: Infinity,
      maxConnectionsPerClient: Infinity,
    },
    compare: undefined,
    shutdownDelayMs: 0,
    shutdownTimeoutMs: 10_000,
    logging: { level: "info", access: "off", accessFields: undefined, format: undefined, output: "stdout" },
    admin: undefined,
    secrets: [],
    metrics: { enabled: false, endpoint: "/metrics", enablePrometheus: false },
    services: [expected],
    routes: [{ kind: "path", path: "/", members: [{ service: expected, role: "primary" }] }],
  });
});

Deno.test("validateConfig() freezes its result, but not the input", () => {
  const input = { trustProxy: ["::1"], services: [{ ...API, headers: { a: "b" }, path: ["/"] }] };
  const { config } = validateConfig(input);
  const seen = new Set<object>();
  const visit = (value: unknown) => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    assert(Object.isFrozen(value));
    Object.values(value).forEach(visit);
  };
  visit(config);
  assert(seen.size > 10);
  for (const value of [input, input.trustProxy, input.services, input.services[0]!.headers]) {
    assert(!Object.isFrozen(value));
  }
});

Deno.test("validateConfig() reads times in seconds or with a unit", () => {
  const cases: [unknown, number][] = [
    [0.05, 50],
    [30, 30_000],
    ["30", 30_000],
    ["50ms", 50],
    ["2s", 2_000],
    ["1.5 s", 1_500],
    ["30m", 1_800_000],
    ["1h", 3_600_000],
    ["24h", 86_400_000],
  ];
  for (const [written, ms] of cases) {
    assertEquals(service({ timeout: written }).timeoutMs, ms, String(written));
    assertEquals(top({ timeout: written }).services[0]!.timeoutMs, ms, String(written));
    assertEquals(top({ shutdownTimeout: written }).shutdownTimeoutMs, ms, String(written));
    assertEquals(top({ shutdownDelay: written }).shutdownDelayMs, ms, String(written));
  }
  assertEquals(top({ shutdownTimeout: 0 }).shutdownTimeoutMs, 0);
});

Deno.test("validateConfig() reads a breaker as a switch or as settings", () => {
  const defaults = { failures: 5, window: 5, openForMs: 5_000, maxOpenForMs: 60_000 };
  const cases: [unknown, Service["breaker"]][] = [
    [true, defaults],
    ["on", defaults],
    [{}, defaults],
    [null, undefined],
    [false, undefined],
    [{ failures: 3 }, { ...defaults, failures: 3, window: 3 }],
    [{ failures: 3, window: 10 }, { ...defaults, failures: 3, window: 10 }],
    [{ openFor: "2m" }, { ...defaults, openForMs: 120_000, maxOpenForMs: 120_000 }],
    [{ openFor: "50ms", maxOpenFor: 1 }, { ...defaults, openForMs: 50, maxOpenForMs: 1_000 }],
  ];
  for (const [written, settings] of cases) {
    assertEquals(service({ breaker: written }).breaker, settings, JSON.stringify(written));
  }
});

Deno.test("validateConfig() rejects a breaker that would never open, or with a maximum below its time", () => {
  const cases: [unknown, string][] = [
    [{ window: 4 }, "services[0].breaker.window: must be at least `failures`: otherwise the breaker never opens"],
    [{ openFor: 9, maxOpenFor: 8 }, "services[0].breaker.maxOpenFor: must be at least `openFor`"],
    [5, "services[0].breaker: must be true, false or a mapping: found 5"],
    [{ failurs: 1 }, 'services[0].breaker.failurs: unknown key; did you mean "failures"?'],
  ];
  for (const [breaker, problem] of cases) assertEquals(problemsOf({ services: [{ ...API, breaker }] }), [problem]);
});

Deno.test("validateConfig() reads health checks, and requires their path", () => {
  const defaults = {
    path: "/up?deep=1",
    intervalMs: 10_000,
    timeoutMs: 5_000,
    unhealthyAfter: 3,
    healthyAfter: 2,
    expect: [{ from: 200, to: 399 }],
  };
  const settings = { interval: "1s", timeout: 0.5, unhealthyAfter: 1, healthyAfter: 4, expect: [204, "3xx"] };
  assertEquals(service({ health: { path: "/up?deep=1" } }).health, defaults);
  assertEquals(service({ health: { path: "/", ...settings } }).health, {
    path: "/",
    intervalMs: 1_000,
    timeoutMs: 500,
    unhealthyAfter: 1,
    healthyAfter: 4,
    expect: [{ from: 204, to: 204 }, { from: 300, to: 399 }],
  });
  const at = "services[0].health";
  const cases: [unknown, string][] = [
    [{}, `${at}.path: is required`],
    [true, `${at}: must be a mapping: found true`],
    [{ path: "up" }, `${at}.path: must be a path that begins with "/", without spaces and "#", in ASCII: found "up"`],
    [{ path: "/", expect: [] }, `${at}.expect: must have at least one status: found an empty list`],
  ];
  for (const [health, problem] of cases) assertEquals(problemsOf({ services: [{ ...API, health }] }), [problem]);
});

Deno.test("validateConfig() reads sizes in bytes or with a unit", () => {
  const cases: [unknown, number][] = [
    [65_536, 65_536],
    ["65536", 65_536],
    ["64KiB", 65_536],
    ["10 MiB", 10_485_760],
    ["1.5MiB", 1_572_864],
    ["1GB", 1e9],
    ["5MB", 5e6],
    ["100kB", 1e5],
    ["70000B", 70_000],
  ];
  for (const [written, bytes] of cases) {
    assertEquals(top({ maxBodySize: written }).maxBodyBytes, bytes, String(written));
    assertEquals(top({ bodyWindow: written }).bodyWindowBytes, bytes, String(written));
  }
});

Deno.test("validateConfig() reads status codes, ranges and classes, one or a list", () => {
  const cases: [unknown, [number, number][]][] = [
    ["5xx", [[500, 599]]],
    ["4XX", [[400, 499]]],
    [429, [[429, 429]]],
    ["429", [[429, 429]]],
    ["500-503", [[500, 503]]],
    [["5xx", 429, "404-410"], [[500, 599], [429, 429], [404, 410]]],
    [[], []],
  ];
  for (const [written, ranges] of cases) {
    const failOn = ranges.map(([from, to]) => ({ from, to }));
    assertEquals(service({ failOn: written }).failOn, failOn);
    assertEquals(top({ failOn: written }).services[0]!.failOn, failOn);
  }
});

Deno.test("validateConfig() lets a service override the top level", () => {
  const { config } = validateConfig({
    timeout: 1,
    stripPrefix: true,
    failOn: 500,
    services: [API, { ...API, name: "b", timeout: 2, stripPrefix: false, failOn: [] }],
  });
  const [a, b] = config.services;
  assertEquals([a!.timeoutMs, a!.stripPrefix, a!.failOn], [1_000, true, [{ from: 500, to: 500 }]]);
  assertEquals([b!.timeoutMs, b!.stripPrefix, b!.failOn], [2_000, false, []]);
});

Deno.test("validateConfig() converts text, because placeholders yield text", () => {
  const config = top({ port: "8081", identify: "false", forwarded: "Yes", relayFailures: "ON", stripPrefix: "no" });
  assertEquals(config.port, 8081);
  assertEquals([config.identify, config.forwarded, config.relayFailures], [false, true, true]);
  assertEquals(service({ name: 7 }).name, "7");
});

Deno.test("validateConfig() splits a service's URL and drops default parts", () => {
  const cases: Record<string, [string, string]> = {
    "http://localhost:8081": ["http://localhost:8081", ""],
    "http://localhost:80/": ["http://localhost", ""],
    "https://example.com:443/base/": ["https://example.com", "/base"],
    "HTTP://EXAMPLE.com/Base//": ["http://example.com", "/Base"],
    "http://[::1]:8081/a/./b/../c": ["http://[::1]:8081", "/a/c"],
    "http://x/a%20b": ["http://x", "/a%20b"],
    "http://x/@me": ["http://x", "/@me"],
  };
  for (const [url, [origin, basePath]] of Object.entries(cases)) {
    const found = service({ url });
    assertEquals([found.origin, found.basePath], [origin, basePath], url);
  }
});

Deno.test("validateConfig() keeps header lines in order and converts their values to text", () => {
  const found = service({
    headers: { "X-B": "b", "x-a": 1, Authorization: "Bearer x", "X-On": true, "X-Empty": "" },
    removeHeaders: ["Cookie", "X-Internal"],
    responseHeaders: { "Cache-Control": "no-store" },
  });
  assertEquals(found.headers, [
    ["X-B", "b"],
    ["x-a", "1"],
    ["Authorization", "Bearer x"],
    ["X-On", "true"],
    ["X-Empty", ""],
  ]);
  assertEquals(found.removeHeaders, ["cookie", "x-internal"]);
  assertEquals(found.responseHeaders, [["Cache-Control", "no-store"]]);
  assertEquals(service({ removeHeaders: "Cookie" }).removeHeaders, ["cookie"]);
});

Deno.test("validateConfig() reads the Host that a service sees", () => {
  assertEquals(service({ host: "target" }).host, "target");
  assertEquals(service({ host: "preserve" }).host, "preserve");
  for (const literal of ["example.com", "example.com:8080", "[::1]:80", "10.0.0.1", "a_b"]) {
    assertEquals(service({ host: literal }).host, { literal });
  }
});

Deno.test("validateConfig() accepts addresses and ranges of proxies", () => {
  const trustProxy = ["10.0.0.0/8", "192.168.1.1", "::1", "fd00::/8", "2001:db8::/32", "0.0.0.0/0"];
  assertEquals(top({ trustProxy }).trustProxy, trustProxy);
  assertEquals(top({ trustProxy: "127.0.0.1" }).trustProxy, ["127.0.0.1"]);
});

Deno.test("validateConfig() treats null as absent, because an empty YAML value is null", () => {
  assertEquals(top({ port: null, logging: null, failOn: null, trustProxy: undefined }).port, 8080);
  assertEquals(service({ headers: null, pathPrefix: null }).headers, []);
});

Deno.test("validateConfig() accepts mappings without a prototype and module namespaces", () => {
  const input = Object.assign(Object.create(null), { services: [Object.assign(Object.create(null), API)] });
  assertEquals(validateConfig(input).config.services[0]!.name, "api");
});

/** One field of the top level, and the problem. */
const TOP_PROBLEMS: [Record<string, unknown>, string][] = [
  [{ port: "80a" }, 'port: must be a whole number from 0 to 65535: found "80a"'],
  [{ port: -1 }, "port: must be a whole number from 0 to 65535: found -1"],
  [{ port: 65_536 }, "port: must be a whole number from 0 to 65535: found 65536"],
  [{ port: 80.5 }, "port: must be a whole number from 0 to 65535: found 80.5"],
  [{ port: NaN }, "port: must be a whole number from 0 to 65535: found NaN"],
  [{ port: [80] }, "port: must be a whole number from 0 to 65535: found a list"],
  [{ port: 80n }, "port: must be a whole number from 0 to 65535: found 80"],
  [{ port: () => 80 }, "port: must be a whole number from 0 to 65535: found a function"],
  [
    { hostname: "localhost:80" },
    'hostname: must be an IP address or a host name, without port, or unix: and a path: found "localhost:80"',
  ],
  [{ hostname: "" }, 'hostname: must be an IP address or a host name, without port, or unix: and a path: found ""'],
  [
    { hostname: "256.0.0.1" },
    'hostname: must be an IP address or a host name, without port, or unix: and a path: found "256.0.0.1"',
  ],
  [{ timeout: 0 }, 'timeout: must be a time from 1ms to 24h, in seconds or like "50ms", "2s", "30m", "1h": found 0'],
  [
    { timeout: "25h" },
    'timeout: must be a time from 1ms to 24h, in seconds or like "50ms", "2s", "30m", "1h": found "25h"',
  ],
  [
    { timeout: "2 days" },
    'timeout: must be a time from 1ms to 24h, in seconds or like "50ms", "2s", "30m", "1h": found "2 days"',
  ],
  [{ wait: "al" }, 'wait: must be "all" or "primary": found "al"; did you mean "all"?'],
  [{ wait: true }, 'wait: must be "all" or "primary": found true'],
  [
    { failOn: "6xx" },
    'failOn: must be a status code from 200 to 599, a range or a class, like 429, "500-503" or "5xx": found "6xx"',
  ],
  [
    { failOn: ["5xx", 99] },
    'failOn[1]: must be a status code from 200 to 599, a range or a class, like 429, "500-503" or "5xx": found 99',
  ],
  [{ failOn: "503-500" }, 'failOn: must be a range from low to high: found "503-500"'],
  [{ relayFailures: "maybe" }, 'relayFailures: must be true or false: found "maybe"'],
  [{ identify: 1 }, "identify: must be true or false: found 1"],
  [
    { trustProxy: ["10.0.0.0/33"] },
    'trustProxy[0]: must be an IP address or a range, like "10.0.0.0/8" or "fd00::/8": found "10.0.0.0/33"',
  ],
  [
    { trustProxy: "proxy.local" },
    'trustProxy: must be an IP address or a range, like "10.0.0.0/8" or "fd00::/8": found "proxy.local"',
  ],
  [
    { trustProxy: "10.0.0.01" },
    'trustProxy: must be an IP address or a range, like "10.0.0.0/8" or "fd00::/8": found "10.0.0.01"',
  ],
  [
    { trustProxy: "::ffff:10.0.0.0/104" },
    'trustProxy: must be in IPv4 notation, because such peers count as IPv4: found "::ffff:10.0.0.0/104"',
  ],
  [
    { maxBodySize: 0 },
    'maxBodySize: must be a size of at least 1B, in bytes or like "64KiB", "10MiB", "1GB": found 0',
  ],
  [
    { maxBodySize: "10Mb" },
    'maxBodySize: must be a size of at least 1B, in bytes or like "64KiB", "10MiB", "1GB": found "10Mb"',
  ],
  [
    { bodyWindow: "1KiB" },
    'bodyWindow: must be a size from 64KiB to 1GiB, in bytes or like "64KiB", "10MiB", "1GB": found "1KiB"',
  ],
  [{ logging: "info" }, "logging: must be a mapping: found text"],
  [
    { logging: { level: "verbose" } },
    'logging.level: must be "debug", "info", "warn" or "error": found "verbose"',
  ],
  [{ logging: { levl: "info" } }, 'logging.levl: unknown key; did you mean "level"?'],
  [{ services: [] }, "services: must have at least one service: found none"],
  [{ services: {} }, "services: must be a list of services: found a mapping"],
  [{ services: undefined }, "services: is required"],
  [{ services: new Map() }, "services: must be a list of services: found a mapping"],
  [{ Port: 1 }, 'Port: unknown key; did you mean "port"?'],
  [{ "a b\n": 1 }, "[…]: unknown key, entry 2 of the mapping"],
  [{ hostname: "${env:HOST}" }, "hostname: must not contain a placeholder outside a file: pass the value itself"],
  [{ "\u001b[31m": 1 }, "[…]: unknown key, entry 2 of the mapping"],
];

Deno.test("validateConfig() reports the need and the value found at the top level", () => {
  for (const [fields, problem] of TOP_PROBLEMS) {
    assertEquals(problemsOf({ services: [API], ...fields }), [problem]);
  }
});

const NAME = "a name of 1 to 128 printable ASCII characters, without a space at either end";
const HEADER_NAME = "must be a header name: letters, digits and !#$%&'*+-.^_`|~ only";
const PATH = "a path without spaces, backslashes, broken percent-encoding or hidden dot segments";

/** One field of a service, and the problem, behind `services[0].`. */
const SERVICE_PROBLEMS: [Record<string, unknown>, string][] = [
  [{ name: undefined }, "name: is required"],
  [{ name: "" }, `name: must be ${NAME}: found ""`],
  [{ name: " a" }, `name: must be ${NAME}: found " a"`],
  [{ name: "ä" }, `name: must be ${NAME}: found "ä"`],
  [{ name: "a\r\nb" }, `name: must be ${NAME}: found "a\\r\\nb"`],
  [{ name: "x".repeat(129) }, `name: must be ${NAME}: found "${"x".repeat(64)}…"`],
  [{ url: undefined }, "url: is required"],
  [
    { url: "localhost:8081" },
    'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "localhost:8081"',
  ],
  [{ url: "ftp://x" }, 'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "ftp://x"'],
  [{ url: "http:x" }, 'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "http:x"'],
  [
    { url: "http:///x" },
    'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "http:///x"',
  ],
  [
    { url: "http://x:0" },
    'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "http://x:0"',
  ],
  [
    { url: "http://x:99999" },
    'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "http://x:99999"',
  ],
  [
    { url: "http://x y" },
    'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "http://x y"',
  ],
  [
    { url: "http://x\\y" },
    'url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found "http://x\\\\y"',
  ],
  [{ url: "http://x/%zz" }, 'url: must be a URL with a well-formed path: found "http://x/%zz"'],
  [{ url: "http://x?a=b" }, "url: must be a URL without query and fragment: found one of them"],
  [{ url: "http://x/#a" }, "url: must be a URL without query and fragment: found one of them"],
  [{ url: 7 }, "url: must be an http or https URL, or a Unix socket like unix:/run/app.sock: found 7"],
  [
    { primary: true, shadow: true },
    "shadow: cannot be combined with `primary`: clients never get the response of a shadow",
  ],
  [{ pathPrefix: "api" }, 'pathPrefix: must be a path that begins with "/": found "api"'],
  [{ pathPrefix: "" }, 'pathPrefix: must be a path that begins with "/": found ""'],
  [{ pathPrefix: [] }, "pathPrefix: must have at least one path: found an empty list"],
  [{ pathExact: ["/a", 7] }, 'pathExact[1]: must be a path that begins with "/": found 7'],
  [{ path: "/a?b" }, 'path: must be a path without query and fragment: found "/a?b"'],
  [{ path: "/a b" }, `path: must be ${PATH}: found "/a b"`],
  [{ path: "/a\\b" }, `path: must be ${PATH}: found "/a\\\\b"`],
  [{ path: "/a%2" }, `path: must be ${PATH}: found "/a%2"`],
  [{ path: "/a/..%2fb" }, `path: must be ${PATH}: found "/a/..%2fb"`],
  [{ pathPrefx: "/" }, 'pathPrefx: unknown key; did you mean "pathPrefix"?'],
  [{ headers: ["a"] }, "headers: must be a mapping of names to values: found a list"],
  [{ headers: { "a b": "c" } }, `headers[…]: ${HEADER_NAME}`],
  [{ headers: { "": "c" } }, `headers[""]: ${HEADER_NAME}`],
  [{ headers: { "a:": "c" } }, `headers[…]: ${HEADER_NAME}`],
  [{ headers: { a: null } }, 'headers.a: must be text ("" for an empty value): found nothing'],
  [{ headers: { a: ["b"] } }, 'headers.a: must be text ("" for an empty value): found a list'],
  [{ headers: { a: "b\r\nc: d" } }, "headers.a: must be a header value: found a line break"],
  [{ headers: { a: "b\0" } }, "headers.a: must be a header value: found a control character"],
  [{ headers: { a: " b" } }, "headers.a: must be a header value: found a space at the beginning or end"],
  [{ headers: { a: "bé" } }, "headers.a: must be a header value: found a character outside US-ASCII"],
  [{ headers: { "X-A": "1", "x-a": "2" } }, 'headers.x-a: must be given once: "X-A" is the same field'],
  [{ headers: { Host: "x" } }, "headers.Host: cannot be set here: use the field `host`"],
  [
    { responseHeaders: { Upgrade: "x" } },
    "responseHeaders.Upgrade: cannot be set: conductor manages it per connection",
  ],
  [{ removeHeaders: ["a", "b c"] }, 'removeHeaders[1]: must be a header name: found "b c"'],
  [{ host: "a b" }, 'host: must be "target", "preserve" or a host with or without port: found "a b"'],
  [{ host: "http://a" }, 'host: must be "target", "preserve" or a host with or without port: found "http://a"'],
  [{ host: "a:99999" }, 'host: must be "target", "preserve" or a host with or without port: found "a:99999"'],
  [{ weight: "heavy" }, 'weight: must be a whole number from 0 to 1000000: found "heavy"'],
];

Deno.test("validateConfig() reports the need and the value found in a service", () => {
  for (const [fields, problem] of SERVICE_PROBLEMS) {
    assertEquals(problemsOf({ services: [{ ...API, ...fields }] }), [`services[0].${problem}`]);
  }
});

Deno.test("validateConfig() rejects header fields of the connection", () => {
  const names = [
    "Connection",
    "keep-alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Content-Length",
  ];
  for (const name of names) {
    assertEquals(problemsOf({ services: [{ ...API, headers: { [name]: "x" } }] }), [
      `services[0].headers.${name}: cannot be set: conductor manages it per connection`,
    ]);
  }
});

Deno.test("validateConfig() never prints the credentials of a URL", () => {
  for (
    const url of ["http://me:s3cret@x", "https://s3cret@x/y", "ftp://me:s3cret@x", "http:me:s3cret@x", "//s3cret@x"]
  ) {
    const [problem] = problemsOf({ services: [{ ...API, url }] });
    assertEquals(problem!.includes("s3cret"), false, problem);
  }
  assertStringIncludes(problemsOf({ services: [{ ...API, url: "http://a:b@x" }] })[0]!, "`headers`");
});

Deno.test("validateConfig() reports all problems at once, including those across fields", () => {
  assertEquals(
    problemsOf({
      prot: 1,
      port: "80a",
      services: [
        { name: "a", url: "http://a", shadow: true, pathPrefix: "/a" },
        { name: "a", url: "http://b", headers: { te: "x", b: "\n" } },
      ],
    }),
    [
      'prot: unknown key; did you mean "port"?',
      'port: must be a whole number from 0 to 65535: found "80a"',
      "services[1].headers.te: cannot be set: conductor manages it per connection",
      "services[1].headers.b: must be a header value: found a line break",
      "services[1].name: must be unique: services[0] has the same name",
      'services[0].pathPrefix: must have a service that is not a shadow: found only shadows for pathPrefix "/a"',
    ],
  );
});

Deno.test("validateConfig() continues after services that are not mappings", () => {
  assertEquals(problemsOf({ services: [7, { name: "a" }, null] }), [
    "services[0]: must be a mapping: found 7",
    "services[1].url: is required",
    "services[2]: must be a mapping: found nothing",
  ]);
});

Deno.test("validateConfig() requires a mapping", () => {
  for (const [input, found] of [[null, "nothing"], [[], "a list"], ["x", "text"], [7, "7"]] as const) {
    assertEquals(problemsOf(input), [`the configuration must be a mapping of fields: found ${found}`]);
  }
});

Deno.test("validateConfig() stops early for cyclic objects and for objects with many problems", () => {
  const loop: Record<string, unknown> = { ...API };
  loop.headers = loop;
  loop.self = loop;
  const input: Record<string, unknown> = { services: [loop], logging: loop };
  input.metrics = input;
  assert(problemsOf(input).length > 5);
  const unknown = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`key${index}`, index]));
  const lines = problemsOf({ ...unknown, services: [API] });
  assertEquals(lines.length, 101);
  assertEquals(lines.at(-1), "and 900 more");
});

Deno.test("validateConfig() takes about ten times as long for ten thousand services as for a thousand", async () => {
  const services = Array.from({ length: 10_000 }, (_, index) => ({
    ...API,
    name: `api-${index}`,
    pathPrefix: `/api/${index >> 1}`,
    headers: { "X-Proxy-Service": `api-${index}` },
  }));
  const some = services.slice(0, 1_000);
  // A comparison of each pair of services would take a hundred times as long.
  assertLess(await costRatio(() => validateConfig({ services }), () => validateConfig({ services: some })), 35);
  const { config } = validateConfig({ services });
  assertEquals([config.services.length, config.routes.length], [10_000, 5_000]);
});

Deno.test("validateConfig() accepts fields of go-conductor, and warns of fields without effect", () => {
  const { config, warnings } = validateConfig({
    logging: {
      level: "fatal",
      format: "JSON",
      output: "file",
      file: "/var/log/conductor.log",
      includeCaller: true,
      timeFormat: "2006-01-02T15:04:05Z07:00",
      disableTimestamp: true,
    },
    metrics: { enabled: true, endpoint: "/metrics", enablePrometheus: true },
    services: [{ ...API, weight: 3 }],
  });
  assertEquals(config.logging, {
    level: "error",
    access: "off",
    accessFields: undefined,
    format: "json",
    output: "stdout",
  });
  assertEquals(config.metrics, { enabled: true, endpoint: "/metrics", enablePrometheus: true });
  assertEquals(warnings, [
    'logging.level: "fatal" is not supported: "error" is used',
    'logging.output: "file" is not supported: "stdout" is used',
    "logging.file: has no effect: redirect the output instead",
    "logging.includeCaller: has no effect: log lines do not name source lines",
    "logging.timeFormat: has no effect: times are written as RFC 3339 in UTC",
    "logging.disableTimestamp: has no effect: log lines always have a timestamp",
    "services[0].weight: has no effect: every service of a route gets every request",
  ]);
});

Deno.test("validateConfig() does not warn of fields of go-conductor that are off", () => {
  const { warnings } = validateConfig({
    logging: { level: "INFO", includeCaller: false, disableTimestamp: false },
    metrics: { enabled: false },
    services: [API],
  });
  assertEquals(warnings, []);
});

Deno.test("validateConfig() warns of values that probably have another meaning", () => {
  const { warnings } = validateConfig({ services: [{ ...API, pathPrefix: "/api/*", host: "preserv" }] });
  assertEquals(warnings, [
    'services[0].pathPrefix: "*" is not a wildcard: a prefix matches all paths below it',
    'services[0].host: "preserv" is used as a host name; did you mean "preserve"?',
  ]);
});
