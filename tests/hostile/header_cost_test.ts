/**
 * Request targets and header fields that are expensive to parse. Each fills a whole head, and is sent to every port
 * that parses it.
 */

import { assertEquals, assertLess } from "@std/assert";
import { cookieValue, withoutCookies } from "../../src/lib/cookies.ts";
import { IS_FULL } from "../_support/attack.ts";
import { costRatio } from "../_support/cost.ts";
import { readUntil, startBackend } from "../_support/servers.ts";
import { startWatched } from "../_support/cli_process.ts";

const LENGTH = 60_000;
/** Half of the length, for fields of responses. */
const RESPONSE_LENGTH = 30_000;
const REPEATS = IS_FULL ? 15 : 3;
/** Maximum time relative to a harmless field of the same length. */
const MAX_RATIO = 4;
// The short form runs next to other tests, which take the processor for some milliseconds.
const SLACK_MS = IS_FULL ? 3 : 8;
/** Counters of coverage multiply the cost of loops over bytes. */
const TARGET_SLACK_MS = Deno.env.has("DENO_COVERAGE_DIR") ? 40 : SLACK_MS;
const MAX_LOOKS = 4;

const MANY_LINES = [
  ["connection", "a,"],
  ["via", "1 a,"],
  ["accept", "a/b;q=0.5,"],
  ["cookie", "id=1; a;"],
  ["x-forwarded-for", "1.1.1.1,"],
] as const;

const REQUEST_FIELDS = [
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "baggage",
  "cache-control",
  "connection",
  "content-encoding",
  "content-type",
  "cookie",
  "forwarded",
  "if-none-match",
  "keep-alive",
  "max-forwards",
  "origin",
  "prefer",
  "range",
  "referer",
  "sec-fetch-site",
  "te",
  "traceparent",
  "tracestate",
  "user-agent",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-request-id",
];

const RESPONSE_FIELDS = [
  "cache-control",
  "connection",
  "content-encoding",
  "content-type",
  "keep-alive",
  "link",
  "location",
  "retry-after",
  "server-timing",
  "set-cookie",
  "trailer",
  "vary",
  "via",
];

/** Units that are repeated to the length of a head. */
const UNITS: readonly string[] = [
  ",",
  ", ",
  "a,",
  "ab, ",
  ";",
  "a;",
  "q=1;",
  "a/b;q=0.1,",
  "*/*;q=0.000,",
  '"',
  '\\"',
  'a="b,',
  " a",
  "\t\t\ta",
  "=",
  "%",
  "/",
  "://",
  "://a@",
  "?a",
  "1.1.1.1,",
  "1::1,",
  "id",
  "id=;",
  "1 conductor-a,",
  "conductor-",
  "conductor-admin-",
  "conductor-admin-1=;",
  "timeout= ",
  "trailers ",
  "-token",
  "eyJ.",
  "0",
];

/** Values with a beginning that makes a parser continue. */
const PREFIXED: readonly (readonly [prefix: string, unit: string])[] = [
  ["bearer", " "],
  ['a="', "x"],
  ["a/b;", "q=1;"],
  ["00-", "0"],
  ["http://", "a:"],
  ["a", " "],
];

function valuesOf(length: number): string[] {
  const values = UNITS.map((unit) => unit.repeat(length / unit.length));
  values.push(...PREFIXED.map(([prefix, unit]) => `${prefix}${unit.repeat((length - prefix.length) / unit.length)}x`));
  return values;
}

const SERVICES = { trustProxy: ["127.0.0.1", "1.1.1.1", "1::1"], forwarded: true };

/**
 * Sends one request repeatedly over one connection, and returns the shortest time. Other work of the machine can only
 * add to it.
 */
async function leastMs(port: number, head: string, repeats = REPEATS): Promise<number> {
  const request = new TextEncoder().encode(`${head}\r\n\r\n`);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let least = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const startMs = performance.now();
    for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
    const response = await readUntil(connection);
    least = Math.min(least, performance.now() - startMs);
    const [, length] = /^content-length: (\d+)\r/im.exec(response) ?? [];
    const [responseHead = ""] = response.split("\r\n\r\n", 1);
    if (length === undefined) break;
    for (let got = response.length - responseHead.length - 4; got < Number(length);) {
      got += (await connection.read(new Uint8Array(65_536))) ?? Infinity;
    }
    if (/^connection: close\r/im.test(response)) break;
  }
  return least;
}

/** Measures requests relative to one with a harmless field. */
class Comparison {
  readonly slow: string[] = [];
  readonly #port: number;
  readonly #harmless: string;
  readonly #slackMs: number;
  #limitMs = 0;

  constructor(port: number, harmless: string, slackMs = SLACK_MS) {
    this.#port = port;
    this.#harmless = harmless;
    this.#slackMs = slackMs;
  }

  /** Records a request that is too slow in each of several measurements. */
  async measure(head: string, label: string): Promise<void> {
    if (this.#limitMs === 0) await this.#renewLimit();
    let ms = await leastMs(this.#port, head);
    for (let look = 1; ms > this.#limitMs; look++) {
      if (look > MAX_LOOKS) {
        this.slow.push(`${label} takes ${ms.toFixed(1)} ms, not ${this.#limitMs.toFixed(1)}`);
        return;
      }
      await this.#renewLimit();
      ms = await leastMs(this.#port, head, 20);
    }
  }

  async #renewLimit(): Promise<void> {
    this.#limitMs = MAX_RATIO * Math.max(0.5, await leastMs(this.#port, this.#harmless, 20)) + this.#slackMs;
  }
}

/** Measures every value of every field on a path, and returns the values that take too long. */
async function tooSlow(port: number, line: string, fields: readonly string[]): Promise<string[]> {
  const head = `${line} HTTP/1.1\r\nHost: localhost:${port}\r\n`;
  const comparison = new Comparison(port, `${head}X-Other: ${"x".repeat(LENGTH)}`);
  for (const field of fields) {
    for (const value of valuesOf(LENGTH)) {
      await comparison.measure(`${head}${field}: ${value}`, `${field}: ${value.slice(0, 20)}`);
    }
  }
  for (const [field, member] of MANY_LINES) {
    const one = `${field}: ${member.repeat(400 / member.length)}`;
    await comparison.measure(head + Array(120).fill(one).join("\r\n"), `120 lines of ${field}`);
  }
  for (const unit of ["-", "_", "a", "-key", "x_forwarded_for"]) {
    await comparison.measure(`${head}${unit.repeat(LENGTH / unit.length)}: 1`, `a name of ${unit}`);
  }
  return comparison.slow;
}

Deno.test("no request header costs conductor's own responses more than its length", async () => {
  await using target = await startWatched([{ name: "a", url: "http://127.0.0.1:1", pathPrefix: "/none" }], SERVICES);
  assertEquals(
    await tooSlow(
      Number(new URL(target.url).port),
      "GET /",
      IS_FULL ? REQUEST_FIELDS : ["accept", "connection", "te", "via"],
    ),
    [],
  );
});

Deno.test("no request header costs a forwarded request more than its length", async () => {
  await using backend = startBackend();
  await using target = await startWatched([
    { name: "a", url: backend.url, primary: true },
    { name: "b", url: backend.url, shadow: true, sample: { rate: 0, by: "cookie:id" } },
    { name: "c", url: backend.url, shadow: true, sample: { rate: 0, by: "ip" } },
  ], { ...SERVICES, limits: { maxInFlightPerClient: 100 } });
  const fields = IS_FULL ? REQUEST_FIELDS : ["cookie", "x-forwarded-for"];
  assertEquals(await tooSlow(Number(new URL(target.url).port), "GET /", fields), []);
});

Deno.test("no request header costs the admin listener more than its length", async () => {
  const admin = { port: 0, token: "a-token-of-some-length" };
  await using target = await startWatched([{ name: "a", url: "http://127.0.0.1:1" }], { ...SERVICES, admin });
  const port = Number(new URL(target.adminUrl).port);
  const fields = IS_FULL ? REQUEST_FIELDS : ["authorization", "cookie"];
  assertEquals(await tooSlow(port, "GET /session-00000000000000000000000000000000/", fields), []);
});

/** Units of paths and queries. Raw UTF-8 is legal for the runtime's server, which decodes it. */
const TARGET_UNITS = [
  "é",
  "éa",
  "😀a",
  "%C3%A9",
  "%c3%a9",
  "%41",
  "%41b",
  "%2f",
  "%2e",
  "/",
  "/.",
  "/a.",
  "/..",
  "/%2e",
  "/.%2f",
  "/.;",
  ";a=",
  "?a&",
  "?a=%41&",
  "?é&",
] as const;

Deno.test("no request target costs more than its length", async () => {
  await using backend = startBackend();
  await using target = await startWatched([
    { name: "a", url: backend.url, pathPrefix: "/", primary: true },
    { name: "b", url: backend.url, pathPrefix: "/", shadow: true, credentials: false, sample: 0 },
    { name: "c", url: "http://127.0.0.1:1", pathPrefix: "/none" },
  ], SERVICES);
  const headOf = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost`;
  for (const prefix of ["/", "/none/"]) {
    const harmless = headOf(prefix + "x".repeat(LENGTH));
    const comparison = new Comparison(Number(new URL(target.url).port), harmless, TARGET_SLACK_MS);
    for (const unit of TARGET_UNITS) {
      const count = LENGTH / new TextEncoder().encode(unit).length;
      await comparison.measure(headOf(prefix + unit.repeat(count)), `${prefix}${unit}`);
    }
    assertEquals(comparison.slow, []);
  }
});

/** Prints the costs of reading paths, relative to the runtime's own encoder for the same length. */
const PATH_COSTS = `
  import { encodeNonAscii, normalizePath, toByteString } from "${import.meta.resolve("../../src/config/path.ts")}";
  import { costRatio } from "${import.meta.resolve("../_support/cost.ts")}";
  const times = (work, path) => () => {
    for (let index = 0; index < 30; index++) work(path);
  };
  const baseline = times(encodeURIComponent, "é".repeat(30_000));
  for (const read of [encodeNonAscii, toByteString, normalizePath]) {
    for (const [unit, maxRatio] of [["é", 12], ["éa", 12], ["😀a", 12], ["%C3%A9", 5], ["%41", 5], ["%41b", 5]]) {
      const path = "/" + unit.repeat(60_000 / new TextEncoder().encode(unit).length);
      const ratio = await costRatio(times(read, path), baseline);
      if (ratio > maxRatio) console.log(read.name, unit, ratio);
    }
  }
`;

Deno.test("a path of any characters costs about as much as the runtime's own encoder", async () => {
  // Counters of coverage would multiply the cost of loops over bytes.
  const { DENO_COVERAGE_DIR: _, ...env } = Deno.env.toObject();
  const args = ["eval", "--no-check", PATH_COSTS];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, clearEnv: true, env }).output();
  assertEquals(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr), "");
});

Deno.test("no response header costs more than its length, compared ones included", async () => {
  const harmless = ["x-other", "x".repeat(RESPONSE_LENGTH)] as const;
  let hostile: readonly [name: string, value: string] = harmless;
  await using backend = startBackend(({ url }) => {
    const [name, value] = url.endsWith("/harmless") ? harmless : hostile;
    return new Response("{}", { headers: { [name]: value } });
  });
  await using target = await startWatched([
    { name: "a", url: backend.url, primary: true },
    { name: "b", url: backend.url, shadow: true },
  ], { ...SERVICES, compare: { noise: "off", headers: [...RESPONSE_FIELDS] } });
  const port = Number(new URL(target.url).port);
  const headOf = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost:${port}`;
  const comparison = new Comparison(port, headOf("/harmless"));
  for (const field of IS_FULL ? RESPONSE_FIELDS : ["connection", "content-encoding"]) {
    for (const value of valuesOf(RESPONSE_LENGTH)) {
      hostile = [field, value.trim()];
      await comparison.measure(headOf("/"), `${field}: ${value.slice(0, 20)}`);
    }
  }
  assertEquals(comparison.slow, []);
});

for (
  const [name, read] of [
    ["cookieValue()", (field: string) => cookieValue(field, "id")],
    ["withoutCookies()", (field: string) => withoutCookies(field, "conductor-admin-")],
  ] as const
) {
  Deno.test(`${name} takes time in proportion to the field`, async () => {
    for (
      const unit of ["id", "id ", "id=;", ";", " ", "conductor-admin-", "conductor-admin-;", ";conductor-admin-1=   "]
    ) {
      const field = (length: number) => `${unit.repeat(length / unit.length)}x`;
      const [short, long] = [field(100_000), field(400_000)];
      const times = (count: number, text: string) => () => {
        for (let index = 0; index < count; index++) read(text);
      };
      assertLess(await costRatio(times(10, long), times(10, short)), 12, unit);
    }
  });
}
