import { assert, assertEquals, assertMatch } from "@std/assert";

import { ASSETS } from "../../src/admin/assets.ts";
import { bytes, count, ms, niceCeiling, percent, printable, rate, uptime } from "../../src/admin/dashboard/format.js";
import { attemptDescription, attemptLabel, attemptState } from "../../src/admin/dashboard/labels.js";
import type { AttemptRecord } from "../../src/observe/exchange_record.ts";
import { serviceSpan, spanBetween } from "../../src/admin/dashboard/rates.js";

const FOLDER = new URL("../../src/admin/dashboard/", import.meta.url);

Deno.test("ASSETS has every file of the dashboard unchanged", async () => {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
  assertEquals(
    ASSETS.map(({ path }) => path).sort(),
    names.map((name) => name === "index.html" ? "/" : `/assets/${name}`).sort(),
  );
  for (const { path, text } of ASSETS) {
    const file = path === "/" ? "index.html" : path.slice("/assets/".length);
    assertEquals(text, await Deno.readTextFile(new URL(file, FOLDER)));
  }
});

Deno.test("the dashboard's files refer only to each other", () => {
  const paths = new Set(ASSETS.map(({ path }) => path));
  for (const { path, text } of ASSETS) {
    for (const [, name] of text.matchAll(/\bfrom "\.\/([^"]+)"/g)) {
      assert(paths.has(`/assets/${name}`), `${path}: ${name}`);
    }
    for (const [, name] of text.matchAll(/(?:src|href)="(\/[^"]*)"/g)) assert(paths.has(name!), `${path}: ${name}`);
    const addresses = text.match(/\bhttps?:\/\/[\w.]+\.\w+/g) ?? [];
    assertEquals(addresses.filter((address) => address !== "http://www.w3.org"), [], path);
  }
});

Deno.test("the dashboard's scripts create no markup from text", () => {
  for (const { path, text } of ASSETS.filter(({ path }) => path.endsWith(".js"))) {
    assertEquals(
      text.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/),
      null,
      path,
    );
  }
});

/** Counters of a primary. */
const SNAPSHOT = {
  route: "path /",
  service: "a",
  role: "primary",
  responses: { "2xx": 8, "5xx": 2 },
  failedResponses: 2,
  failures: { "refused": 3, "aborted": 40 },
  skips: { "open-circuit": 6, "queue-full": 5, "unsendable": 1 },
  comparisons: {},
  notComparable: {},
  selected: 8,
  hedgesSent: 0,
  hedgesWon: 0,
  replays: 0,
  inFlight: 0,
} as const;

Deno.test("serviceSpan() counts each request once, aborted ones by themselves", () => {
  const span = serviceSpan(SNAPSHOT);
  assertEquals([span.total, span.aborted, span.succeeded], [53, 40, 8]);
  assertEquals(span.failures, { "refused": 3, "error status": 2 });
  assertEquals(span.skips, { "open-circuit": 6, "queue-full": 5, "unsendable": 1 });
});

Deno.test("spanBetween() counts a decrease, after the loss of a worker, as 0", () => {
  const span = serviceSpan(SNAPSHOT);
  const less = serviceSpan({ ...SNAPSHOT, responses: { "2xx": 1 }, failedResponses: 0, failures: {} });
  assertEquals(spanBetween(span, less, 1).total, 0);
  assertEquals(spanBetween(less, span, 2).total, 52);
});

Deno.test("percent() returns 100 % only for 1, and 0 % only for 0", () => {
  assertEquals([1, 0.99999, 0.934, 0.0001, 0, NaN].map(percent), [
    "100\u202f%",
    "99.99\u202f%",
    "93.4\u202f%",
    "0.1\u202f%",
    "0\u202f%",
    "–",
  ]);
});

Deno.test("numbers have units and groups of digits", () => {
  assertEquals([0, 0.04, 0.44, 12.4, 1_240].map(rate), ["0/s", "<0.1/s", "0.4/s", "12/s", "1,240/s"]);
  assertEquals([0.84, 12.4, 1_240, 64_000].map(ms), ["0.8\u202fms", "12\u202fms", "1.24\u202fs", "64.0\u202fs"]);
  assertEquals([900, 84 * 1_048_576, 3 * 1_073_741_824].map(bytes), ["1\u202fKiB", "84\u202fMiB", "3.0\u202fGiB"]);
  assertEquals([40_000, 720_000, 11_520_000, 190_000_000].map(uptime), [
    "40\u202fs",
    "12\u202fmin",
    "3\u202fh 12\u202fmin",
    "2\u202fd 4\u202fh",
  ]);
  assertEquals(count(1_234_567), "1,234,567");
  assertEquals([0.3, 7, 41, 90, 110, 0].map(niceCeiling), [0.4, 8, 50, 100, 200, 1]);
});

Deno.test("printable() escapes characters that hide or reorder text", () => {
  assertEquals(printable("a\u202eb\u0000\u200bc d"), "a\\u202eb\\u0000\\u200bc d");
});

for (
  const [name, outcome, state, label, description] of [
    ["an attempt in flight", {}, "pending", "in flight", /^in flight$/],
    ["a response", { success: true, status: 204 }, "succeeded", "204", /^response 204$/],
    [
      "a failed response",
      { success: false, status: 503 },
      "failed",
      "503",
      /^response 503, which counts as a failure$/,
    ],
    ["a failure", { success: false, failure: "refused" }, "failed", "refused", /^failed: the connection was refused/],
    ["an abort", { success: false, failure: "aborted" }, "aborted", "aborted", /^aborted: the client disconnected/],
    ["a skip", { skipped: "not-sampled" }, "skipped", "not-sampled", /^skipped: .* not in the sample$/],
    ["a full queue", { success: false, failure: "queue-full" }, "skipped", "queue-full", /^not sent: .* queue/],
  ] as const
) {
  Deno.test(`the dashboard describes ${name} as ${state}`, () => {
    const attempt: AttemptRecord = { service: "a", role: "primary", hedge: false, selected: false, ...outcome };
    assertEquals([attemptState(attempt), attemptLabel(attempt)], [state, label]);
    assertMatch(attemptDescription(attempt), description);
  });
}
