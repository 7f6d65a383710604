/** Which requests, and which clients' requests, a shadow gets copies of. */

import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { conductor, type ConductorEvent, type ConfigInput, type ConnectionInfo } from "@zeek/conductor";
import type { HeaderLine, SampleKey } from "../../src/config/config.ts";
import { addressMatcher } from "../../src/http/client_address.ts";
import { sampleNext } from "../../src/policy/sample.ts";
import { readSampleKey } from "../../src/policy/sample_key.ts";
import { stableHash } from "../../src/lib/stable_hash.ts";
import { answerAll } from "../_support/answer_all.ts";
import { startBackend, startConductor } from "../_support/servers.ts";

const WINDOW = 1_000;

type State = Parameters<typeof sampleNext>[0];

const newState = (): State => ({ cursor: 0, phase: 0, order: undefined });

/** Which of the next requests are copied. */
function chosen(rate: number, name: string, count: number, state = newState()): boolean[] {
  return Array.from({ length: count }, () => sampleNext(state, rate, name));
}

function countIn(copied: readonly boolean[]): number {
  return copied.filter(Boolean).length;
}

Deno.test("isNextCopied() copies the share of any 1,000 requests in a row, rounded up or down", () => {
  const rates = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(0, 1e-6, 0.001, 0.07, 0.1, 0.29, 0.3, 1 / 3, 0.9999, 1),
  );
  fc.assert(
    fc.property(rates, fc.string(), fc.nat(10_000), (rate, name, from) => {
      const state = newState();
      chosen(rate, name, from, state);
      const exact = Math.round(rate * 1e9) * WINDOW / 1e9;
      const copies = countIn(chosen(rate, name, WINDOW, state));
      assert(copies === Math.floor(exact) || copies === Math.ceil(exact), `${copies} of ${WINDOW} at ${rate}`);
    }),
  );
});

Deno.test("isNextCopied() is exact in every window of 1,000, also after the share has changed", () => {
  const state = newState();
  chosen(0.77, "copy", 123, state);
  const copied = chosen(0.1, "copy", 5_000, state);
  for (let from = 0; from + WINDOW <= copied.length; from++) {
    assertEquals(countIn(copied.slice(from, from + WINDOW)), 100);
  }
});

Deno.test("isNextCopied() spreads the share over short stretches, too", () => {
  for (const name of ["a", "b", "copy"]) {
    for (const [rate, stretch] of [[0.1, 10], [0.5, 10], [0.9, 10], [0.25, 100], [0.01, 100]] as const) {
      const copied = chosen(rate, name, 3 * WINDOW);
      for (let from = 0; from < copied.length; from += stretch) {
        assertAlmostEquals(countIn(copied.slice(from, from + stretch)), rate * stretch, 1e-9);
      }
    }
  }
});

Deno.test("isNextCopied() keeps a share of less than one in 1,000, spread over the thousands", () => {
  const copied = chosen(0.000_25, "copy", 400 * WINDOW);
  assertEquals(countIn(copied), 100);
  for (let from = 0; from < copied.length; from += 40 * WINDOW) {
    assertAlmostEquals(countIn(copied.slice(from, from + 40 * WINDOW)), 10, 2);
  }
});

Deno.test("isNextCopied() copies what a smaller share does, and more", () => {
  const [few, more] = [chosen(0.123, "copy", 2 * WINDOW), chosen(0.4, "copy", 2 * WINDOW)];
  assert(few.every((copied, index) => !copied || more[index]));
});

// A page that asks for the same things each time, a health check in between: every tenth request is the same one for ever.
for (const period of [2, 4, 5, 10, 20, 25, 50, 100]) {
  Deno.test(`isNextCopied() copies the same share of each of ${period} requests that repeat themselves`, () => {
    for (const name of ["a", "b", "copy"]) {
      for (const rate of [0.1, 0.5]) {
        const copied = chosen(rate, name, WINDOW);
        for (let phase = 0; phase < period; phase++) {
          assertEquals(countIn(copied.filter((_, index) => index % period === phase)), rate * WINDOW / period);
        }
      }
    }
  });
}

for (const period of [3, 7, 8, 9, 11, 12]) {
  Deno.test(`isNextCopied() leaves none of ${period} requests out that repeat themselves`, () => {
    const copied = chosen(0.1, "copy", 12 * WINDOW);
    for (let phase = 0; phase < period; phase++) {
      const own = copied.filter((_, index) => index % period === phase);
      assertAlmostEquals(countIn(own) / own.length, 0.1, 0.08);
    }
  });
}

Deno.test("isNextCopied() copies everything at 1 and nothing at 0", () => {
  for (const name of ["a", "b", "c", "copy"]) {
    assertEquals(countIn(chosen(1, name, 2_100)), 2_100);
    assertEquals(countIn(chosen(0, name, 2_100)), 0);
  }
});

Deno.test("isNextCopied() does not choose the same requests for every shadow", () => {
  const [one, other] = [chosen(0.1, "v2", WINDOW), chosen(0.1, "v3", WINDOW)];
  // 10 are expected.
  assertAlmostEquals(countIn(one.map((copied, index) => copied && other[index]!)), 10, 10);
});

// Worked out by a second implementation: a change would move clients from one side to the other.
const HASHES: readonly (readonly [salt: string, text: string, hash: number])[] = [
  ["copy", "user-1", 2_662_322_550],
  ["copy", "user-2", 3_662_664_789],
  ["other", "user-1", 727_646_918],
  ["copy", "", 1_923_809_427],
  ["copy", "ÿ€", 3_637_717_191],
];

for (const [salt, text, hash] of HASHES) {
  Deno.test(`stableHash() of "${text}" under "${salt}" stays what it was`, () => {
    assertEquals(Math.round(stableHash(salt, text) * 2 ** 32), hash);
  });
}

/** How users, sessions and addresses are named. */
const CLIENTS: readonly (readonly [what: string, name: (index: number) => string])[] = [
  ["numbered users", (index) => `user-${index}`],
  ["bare numbers", String],
  ["addresses", (index) => `10.0.${index >> 8}.${index & 255}`],
  ["long ids", (index) => `7d9f0e3c-5a4b-4c1d-9e8f-${index.toString(16).padStart(12, "0")}`],
];

for (const [what, name] of CLIENTS) {
  Deno.test(`stableHash() spreads ${what} evenly`, () => {
    const [count, cells] = [10_000, 20];
    const counts = new Array<number>(cells).fill(0);
    for (let index = 0; index < count; index++) counts[Math.floor(stableHash("copy", name(index)) * cells)]!++;
    const expected = count / cells;
    const chiSquare = counts.reduce((sum, found) => sum + (found - expected) ** 2 / expected, 0);
    // With 19 degrees of freedom one in a thousand even spreads is above 43.8.
    assertLess(chiSquare, 43.8);
  });

  Deno.test(`stableHash() chooses ${what} for one shadow independently of another`, () => {
    const count = 10_000;
    let both = 0;
    for (let index = 0; index < count; index++) {
      if (stableHash("v2", name(index)) < 0.3 && stableHash("v3", name(index)) < 0.3) both++;
    }
    // 900 are expected, with a standard deviation of 28.6.
    assertAlmostEquals(both, 900, 100);
  });
}

const LINES: readonly HeaderLine[] = [
  ["X-User", "ada"],
  ["cookie", "theme=dark; sid=s-1; sid=s-2"],
  ["Cookie", "late = x ; empty="],
  ["x-empty", ""],
  ["x-forwarded-for", "203.0.113.9, 198.51.100.7:4711, 10.0.0.1"],
];

// Columns: what the client is known by; what is read.
const KEYS: readonly (readonly [key: SampleKey, value: string | undefined])[] = [
  [{ kind: "header", name: "x-user" }, "ada"],
  [{ kind: "header", name: "x-other" }, undefined],
  [{ kind: "header", name: "x-empty" }, undefined],
  [{ kind: "header", name: "host" }, "shop.example"],
  [{ kind: "cookie", name: "sid" }, "s-1"],
  [{ kind: "cookie", name: "late" }, "x"],
  [{ kind: "cookie", name: "empty" }, undefined],
  [{ kind: "cookie", name: "SID" }, undefined],
  [{ kind: "cookie", name: "id" }, undefined],
  [{ kind: "ip" }, "198.51.100.7"],
];

for (const [key, value] of KEYS) {
  Deno.test(`readSampleKey() reads ${value} for ${JSON.stringify(key)}`, () => {
    const clientRequest = { headers: LINES, authority: "shop.example" };
    assertEquals(readSampleKey(key, clientRequest, addressMatcher(["10.0.0.0/8"])), value);
  });
}

Deno.test("readSampleKey() takes the peer for the client where no proxy is trusted, and one IPv6 network for one client", () => {
  const read = (path: string) => {
    const headers: HeaderLine[] = [["x-forwarded-for", path]];
    return readSampleKey({ kind: "ip" }, { headers, authority: "" }, () => false);
  };
  assertEquals(read("203.0.113.9"), "203.0.113.9");
  assertEquals(read("2001:db8::1"), read("2001:db8::ffff"));
  assertEquals(readSampleKey({ kind: "ip" }, { headers: [], authority: "" }, () => false), undefined);
});

/** Who got the requests of a handler with a shadow: a line of `copied` or the reason for each. */
async function copies(
  shadow: Partial<ConfigInput["services"][number]>,
  requests: readonly (readonly [request: Request, info?: ConnectionInfo])[],
  top: Partial<ConfigInput> = {},
): Promise<string[]> {
  const events: ConductorEvent[] = [];
  const services = [{ name: "main", url: "http://main" }, {
    name: "copy",
    url: "http://localhost",
    shadow: true,
    ...shadow,
  }];
  const handle = conductor({ ...top, services }, { transport: answerAll(), observe: (event) => events.push(event) });
  for (const [request, info] of requests) assertEquals((await handle(request, info)).status, 200);
  return events.flatMap((event) => {
    if (event.type === "skipped") return [`${event.service} ${event.reason}`];
    return event.type === "attempted" && event.service === "copy" ? ["copied"] : [];
  });
}

function requests(count: number, headersOf: (index: number) => HeadersInit = () => ({})): (readonly [Request])[] {
  return Array.from(
    { length: count },
    (_, index) => [new Request("http://h/", { headers: headersOf(index) })] as const,
  );
}

Deno.test("a share of the requests is copied, and each other one is reported as sampled", async () => {
  const outcomes = await copies({ sample: "10%" }, requests(1_000));
  assertEquals(outcomes.filter((outcome) => outcome === "copied").length, 100);
  assertEquals(outcomes.filter((outcome) => outcome === "copy sampled").length, 900);
});

Deno.test("a client is in or out for good, the same on every instance, and in with every larger share", async () => {
  const users = requests(500, (index) => ({ "x-user": `user-${index % 250}` }));
  const sample = (rate: number) => copies({ sample: { rate, by: "header:x-user" } }, users);
  const [once, again, more] = await Promise.all([sample(0.2), sample(0.2), sample(0.4)]);
  assertEquals(once, again);
  assertEquals(once.slice(0, 250), once.slice(250));
  assertAlmostEquals(once.filter((outcome) => outcome === "copied").length / 500, 0.2, 0.08);
  assert(once.every((outcome, index) => outcome !== "copied" || more[index] === "copied"));
});

Deno.test("a client that cannot be told apart is not copied, whatever the share", async () => {
  const cookies: HeadersInit[] = [{}, { cookie: "sid=" }, { cookie: "sid=1" }];
  const outcomes = await copies({ sample: { by: "cookie:sid" } }, requests(3, (index) => cookies[index]!));
  assertEquals(outcomes, ["copy sampled", "copy sampled", "copied"]);
});

Deno.test("a client is known by its address, or by the one that a trusted proxy tells", async () => {
  const from = (hostname: string, forwardedFor?: string) => {
    const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
    return [new Request("http://h/", { headers }), { remoteAddr: { hostname } }] as const;
  };
  const outcomes = await copies({ sample: { rate: 0.5, by: "ip" } }, [
    from("192.0.2.1"),
    from("192.0.2.1", "192.0.2.77"),
    from("10.0.0.1", "192.0.2.1"),
    from("10.0.0.1", "192.0.2.2"),
    from("192.0.2.2"),
  ], { trustProxy: "10.0.0.0/8" });
  assertEquals(new Set(outcomes.slice(0, 3)).size, 1);
  assertEquals(outcomes[3], outcomes[4]!);
});

Deno.test("methods that a shadow does not list are not copied, and do not count for its share", async () => {
  const mixed = requests(20).map(([request], index) =>
    [
      index % 2 === 0 ? request : new Request(request, { method: "DELETE" }),
    ] as const
  );
  const outcomes = await copies({ methods: ["get", "post"], sample: 0.5 }, mixed);
  assertEquals(outcomes.filter((outcome) => outcome === "copy method").length, 10);
  assertEquals(outcomes.filter((outcome) => outcome === "copied").length, 5);
});

for (
  const [methods, expected] of [
    [undefined, ["copied", "copied", "copied", "copy method", "copy method"]],
    [["POST"], ["copy method", "copy method", "copy method", "copied", "copy method"]],
  ] as const
) {
  Deno.test(`safeShadows leaves a shadow with methods ${methods} what is safe, or what it names`, async () => {
    const all = ["GET", "HEAD", "OPTIONS", "POST", "PURGE"];
    const outcomes = await copies(
      methods === undefined ? {} : { methods },
      all.map((method) => [new Request("http://h/", { method })]),
      { safeShadows: true },
    );
    assertEquals(outcomes, [...expected]);
  });
}

Deno.test("shadows do not share their samples: over sockets, each backend gets its own part", async () => {
  await using main = startBackend();
  await using half = startBackend();
  await using tenth = startBackend();
  await using all = startBackend();
  await using front = startConductor({
    services: [
      { name: "main", url: main.url },
      { name: "half", url: half.url, shadow: true, sample: 0.5 },
      { name: "tenth", url: tenth.url, shadow: true, sample: "10%" },
      { name: "all", url: all.url, shadow: true },
    ],
  });
  for (let index = 0; index < 100; index++) await (await fetch(front.url)).body?.cancel();
  await Promise.all([half.received(50), tenth.received(10), all.received(100)]);
  const skips = front.events.flatMap((event) => event.type === "skipped" ? [`${event.service} ${event.reason}`] : []);
  assertEquals(skips.filter((skip) => skip === "half sampled").length, 50);
  assertEquals(skips.filter((skip) => skip === "tenth sampled").length, 90);
  assertEquals([main.seen.length, half.seen.length, tenth.seen.length, all.seen.length], [100, 50, 10, 100]);
});
