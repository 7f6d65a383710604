/** Samples of shadows: by request, by client and by method. */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  conductor,
  type ConductorEvent,
  type ConfigInput,
  type ConnectionInfo,
  type ShadowServiceInput,
} from "@zeek/conductor";
import type { HeaderLine, SampleKey } from "../../src/config/config.ts";
import { addressMatcher } from "../../src/http/client_address.ts";
import { readSampleKey } from "../../src/policy/shadow_decision.ts";
import { recordingTransport } from "../_support/transports.ts";
import { startBackend, startConductor } from "../_support/servers.ts";

const LINES: readonly HeaderLine[] = [
  ["X-User", "ada"],
  ["cookie", "theme=dark; sid=s-1; sid=s-2"],
  ["Cookie", "late = x ; empty="],
  ["x-empty", ""],
  ["x-forwarded-for", "203.0.113.9, 198.51.100.7:4711, 10.0.0.1"],
];

// Columns: the key, and the value that identifies the client.
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

Deno.test("readSampleKey() uses the peer without a trusted proxy, and one value per IPv6 network", () => {
  const read = (path: string) => {
    const headers: HeaderLine[] = [["x-forwarded-for", path]];
    return readSampleKey({ kind: "ip" }, { headers, authority: "" }, () => false);
  };
  assertEquals(read("203.0.113.9"), "203.0.113.9");
  assertEquals(read("2001:db8::1"), read("2001:db8::ffff"));
  assertEquals(readSampleKey({ kind: "ip" }, { headers: [], authority: "" }, () => false), undefined);
});

/** Sends requests to a handler with a shadow, and returns `mirrored` or the skip reason of each. */
async function outcomesOf(
  shadow: Partial<ShadowServiceInput>,
  requests: readonly (readonly [request: Request, info?: ConnectionInfo])[],
  top: Partial<ConfigInput> = {},
): Promise<string[]> {
  const events: ConductorEvent[] = [];
  const services: ConfigInput["services"] = [{ name: "main", url: "http://main" }, {
    name: "copy",
    url: "http://localhost",
    shadow: true,
    ...shadow,
  }];
  const handle = conductor({ ...top, services }, {
    transport: recordingTransport(),
    observe: (event) => events.push(event),
  });
  for (const [request, info] of requests) assertEquals((await handle(request, info)).status, 200);
  return events.flatMap((event) => {
    if (event.type === "skipped") return [`${event.service} ${event.reason}`];
    return event.type === "attempted" && event.service === "copy" ? ["mirrored"] : [];
  });
}

function requests(count: number, headersOf: (index: number) => HeadersInit = () => ({})): (readonly [Request])[] {
  return Array.from(
    { length: count },
    (_, index) => [new Request("http://h/", { headers: headersOf(index) })] as const,
  );
}

Deno.test("the ratio of the requests is mirrored, and each other request is reported as not-sampled", async () => {
  const outcomes = await outcomesOf({ sample: "10%" }, requests(1_000));
  assertEquals(outcomes.filter((outcome) => outcome === "mirrored").length, 100);
  assertEquals(outcomes.filter((outcome) => outcome === "copy not-sampled").length, 900);
});

Deno.test("a client is always in or out, on every instance, and in with every larger ratio", async () => {
  const users = requests(500, (index) => ({ "x-user": `user-${index % 250}` }));
  const sample = (rate: number) => outcomesOf({ sample: { rate, by: "header:x-user" } }, users);
  const [once, again, more] = await Promise.all([sample(0.2), sample(0.2), sample(0.4)]);
  assertEquals(once, again);
  assertEquals(once.slice(0, 250), once.slice(250));
  assertAlmostEquals(once.filter((outcome) => outcome === "mirrored").length / 500, 0.2, 0.08);
  assert(once.every((outcome, index) => outcome !== "mirrored" || more[index] === "mirrored"));
});

Deno.test("requests without the key are not mirrored, whatever the ratio", async () => {
  const cookies: HeadersInit[] = [{}, { cookie: "sid=" }, { cookie: "sid=1" }];
  const outcomes = await outcomesOf({ sample: { by: "cookie:sid" } }, requests(3, (index) => cookies[index]!));
  assertEquals(outcomes, ["copy not-sampled", "copy not-sampled", "mirrored"]);
});

Deno.test("a client is identified by its address, or by the address that a trusted proxy reports", async () => {
  const from = (hostname: string, forwardedFor?: string) => {
    const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
    return [new Request("http://h/", { headers }), { remoteAddr: { hostname } }] as const;
  };
  const outcomes = await outcomesOf({ sample: { rate: 0.5, by: "ip" } }, [
    from("192.0.2.1"),
    from("192.0.2.1", "192.0.2.77"),
    from("10.0.0.1", "192.0.2.1"),
    from("10.0.0.1", "192.0.2.2"),
    from("192.0.2.2"),
  ], { trustProxy: "10.0.0.0/8" });
  assertEquals(new Set(outcomes.slice(0, 3)).size, 1);
  assertEquals(outcomes[3], outcomes[4]!);
});

Deno.test("requests with excluded methods are not mirrored, and do not count for the sample", async () => {
  const mixed = requests(20).map(([request], index) =>
    [
      index % 2 === 0 ? request : new Request(request, { method: "DELETE" }),
    ] as const
  );
  const outcomes = await outcomesOf({ methods: ["get", "post"], sample: 0.5 }, mixed);
  assertEquals(outcomes.filter((outcome) => outcome === "copy method-excluded").length, 10);
  assertEquals(outcomes.filter((outcome) => outcome === "mirrored").length, 5);
});

for (
  const [methods, expected] of [
    [undefined, ["mirrored", "mirrored", "mirrored", "copy method-excluded", "copy method-excluded"]],
    [["POST"], [
      "copy method-excluded",
      "copy method-excluded",
      "copy method-excluded",
      "mirrored",
      "copy method-excluded",
    ]],
  ] as const
) {
  Deno.test(`safeShadows mirrors safe methods, or those in methods: ${methods}`, async () => {
    const all = ["GET", "HEAD", "OPTIONS", "POST", "PURGE"];
    const outcomes = await outcomesOf(
      methods === undefined ? {} : { methods },
      all.map((method) => [new Request("http://h/", { method })]),
      { safeShadows: true },
    );
    assertEquals(outcomes, [...expected]);
  });
}

Deno.test("over sockets, each shadow gets its own sample", async () => {
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
  assertEquals(skips.filter((skip) => skip === "half not-sampled").length, 50);
  assertEquals(skips.filter((skip) => skip === "tenth not-sampled").length, 90);
  assertEquals([main.seen.length, half.seen.length, tenth.seen.length, all.seen.length], [100, 50, 10, 100]);
});
