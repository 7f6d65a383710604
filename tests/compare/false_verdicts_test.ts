/** Attempts to get a wrong verdict: a conductor with default settings between real backends. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { gzipSync } from "node:zlib";
import type { Report } from "../../src/compare/report.ts";
import type { ConfigInput } from "../../src/config/input.ts";
import { createConductor } from "../../src/server/create_conductor.ts";
import { startBackend } from "../_support/servers.ts";

/** Responds to the request with this index. */
type Respond = (index: number) => Response;

interface Attempt {
  readonly primary: Respond;
  readonly candidate: Respond;
  /** Default: 150. */
  readonly count?: number;
  /** Default: 90 % of `count`. */
  readonly minRequests?: number;
  /** Default: no limit. */
  readonly maxLatencyRatio?: number;
  readonly config?: Omit<ConfigInput, "services">;
  readonly request?: (index: number) => Request;
  /** Reads a response as a client does. Default: to its end. */
  readonly read?: (response: Response) => Promise<unknown>;
}

/** Sends requests one by one, and returns the report on all of them and on all replays. */
async function reportOn(
  { primary, candidate, count = 150, minRequests = 0.9 * count, maxLatencyRatio = 1_000, config, request, read }:
    Attempt,
): Promise<Report> {
  const serve = (respond: Respond) => startBackend((received) => respond(Number(received.headers.get("x-index")))); // Replays have the same index.
  await using old = serve(primary);
  await using next = serve(candidate);
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let [compared, replaying] = [0, 0];
  const check = () => {
    if (compared === count && replaying === 0) resolve();
  };
  await using conductor = createConductor({
    compare: { noiseSample: "50%" },
    ...config,
    services: [{ name: "old", url: old.url, primary: true }, { name: "new", url: next.url, shadow: true }],
  } as ConfigInput, {
    observe: (event) => {
      if (event.type === "attempted" && event.replay) replaying++;
      if (event.type !== "compared") return;
      if (event.service === "new") compared++;
      else replaying--;
      // In a later turn, because the next replay starts after the end of a comparison.
      setTimeout(check);
    },
  });
  for (let index = 0; index < count; index++) {
    const sent = request?.(index) ?? new Request("http://conductor/items");
    sent.headers.set("x-index", `${index}`);
    const response = await conductor.fetch(sent);
    await (read?.(response) ?? response.arrayBuffer());
  }
  await done;
  return conductor.report({ minRequests, maxLatencyRatio })!;
}

function json(value: unknown): Response {
  return Response.json(value);
}

function isRare(index: number): boolean {
  return index % 50 === 7;
}

const PAGE = JSON.stringify({ items: Array.from({ length: 30 }, (_, id) => ({ id, price: id * 1.5 })) });

function zipped(change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes): Response {
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  return new Response(change(gzipSync(PAGE)) as Uint8Array<ArrayBuffer>, { headers });
}

function damaged(bytes: Uint8Array): Uint8Array {
  bytes[30]! ^= 0xff;
  return bytes;
}

/** Has more fields that always differ than a comparison could list once. */
function manyFields(total: number): Response {
  const entries = Array.from({ length: 120 }, (_, index) => [`k${index}`, { id: crypto.randomUUID() }]);
  return json({ byKey: Object.fromEntries(entries), total });
}

const HOUR_MS = 3_600_000;
const IDS = [crypto.randomUUID(), crypto.randomUUID()];
const POOL = ["1a2b3c4d", "2b3c4d5e", "3c4d5e6f", "4d5e6f7a", "5e6f7a8b", "6f7a8b9c", "7a8b9c0d", "8b9c0d1e"];

function randomToken(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

function withLink(link: string): Response {
  return new Response("{}", { headers: { "content-type": "application/json", link } });
}

function withCookie(cookie: string): Response {
  return new Response("{}", { headers: { "content-type": "application/json", "set-cookie": cookie } });
}

function page(token: string): Response {
  const html = `<form><input name="csrf" value="${token}"></form><p>Sum 1</p>`;
  return new Response(html, { headers: { "content-type": "text/html" } });
}

/** Responds as a stream of events that never ends. */
function events(): Response {
  const first = new TextEncoder().encode("data: 1\n\n");
  const stream = new ReadableStream({ start: (controller) => controller.enqueue(first) });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}

async function readFirst(response: Response): Promise<void> {
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
}

/** Requests the stream of events in every third request. */
function requestEvents(index: number): Request {
  return new Request(`http://conductor/${index % 3 === 0 ? "events" : "items"}`);
}

const NOT_READY: Readonly<Record<string, Attempt>> = {
  "a few damaged bodies of gzip": {
    primary: () => zipped(),
    candidate: (index) => zipped(isRare(index) ? damaged : undefined),
  },
  "a few bodies of gzip that break off": {
    primary: () => zipped(),
    candidate: (index) => zipped(isRare(index) ? (bytes) => bytes.subarray(0, -9) : undefined),
  },
  "a few bodies that are not compressed as declared": {
    primary: () => zipped(),
    candidate: (index) => zipped(isRare(index) ? () => new TextEncoder().encode(PAGE) : undefined),
  },
  "a time that is never set": {
    primary: () => json({ at: new Date(Date.now() + Math.random() * 1e6) }),
    candidate: () => json({ at: "0001-01-01T00:00:00.000Z" }),
  },
  "an id that is never set": {
    primary: () => json({ id: crypto.randomUUID() }),
    candidate: () => json({ id: "00000000-0000-0000-0000-000000000000" }),
  },
  "another length in responses to HEAD": {
    request: () => new Request("http://conductor/items", { method: "HEAD" }),
    primary: () => new Response(null, { headers: { "content-length": "10" } }),
    candidate: (index) => new Response(null, { headers: { "content-length": isRare(index) ? "20" : "10" } }),
  },
  "a token that is constant": {
    primary: () => page(randomToken()),
    candidate: () => page("5f1c9e07d2ab4836bb9a70c4e6d8f213"),
  },
  "an id that is one of two": {
    primary: () => json({ id: crypto.randomUUID(), other: 1 }),
    candidate: (index) => json({ id: IDS[Math.floor(index / 7) % 2], other: 1 }),
  },
  "times in another zone": {
    primary: () => json({ at: new Date() }),
    candidate: () => json({ at: new Date(Date.now() + HOUR_MS) }),
  },
  "times without a zone in another zone": {
    primary: () => json({ at: new Date().toISOString().slice(0, 19) }),
    candidate: () => json({ at: new Date(Date.now() - HOUR_MS).toISOString().slice(0, 19) }),
  },
  "Unix times in another zone": {
    primary: () => json({ at: Date.now() }),
    candidate: () => json({ at: Date.now() + HOUR_MS }),
  },
  "ids of other types": {
    primary: () => json({ id: `user-${crypto.randomUUID()}` }),
    candidate: () => json({ id: `team-${crypto.randomUUID()}` }),
  },
  "digests in upper case": {
    primary: () => json({ digest: randomToken() }),
    candidate: () => json({ digest: randomToken().toUpperCase() }),
  },
  "one id for all elements of a list": {
    primary: () => json({ ids: [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()] }),
    candidate: () => json({ ids: Array(3).fill(crypto.randomUUID()) }),
  },
  "a cookie without a value": {
    primary: () => withCookie(`sid=${crypto.randomUUID()}; Secure`),
    candidate: () => withCookie("sid=; Secure"),
  },
  "two services that are down": {
    primary: () => new Response("down", { status: 503 }),
    candidate: () => new Response("down", { status: 503 }),
  },
  "errors instead of events that the client stops to read": {
    request: requestEvents,
    read: readFirst,
    primary: (index) => index % 3 === 0 ? events() : json(1),
    candidate: (index) => index % 3 === 0 ? new Response("down", { status: 503 }) : json(1),
    minRequests: 50,
  },
  "a missing endpoint instead of events that the client stops to read": {
    request: requestEvents,
    read: readFirst,
    primary: (index) => index % 3 === 0 ? events() : json(1),
    candidate: (index) => index % 3 === 0 ? new Response("none", { status: 404 }) : json(1),
    minRequests: 50,
  },
  "a wrong value after many fields that always differ": {
    primary: () => manyFields(5),
    candidate: (index) => manyFields(isRare(index) ? 6 : 5),
  },
};

function slowBody(pauseMs: number): Response {
  const parts = async function* () {
    yield new TextEncoder().encode("[1,");
    await delay(pauseMs);
    yield new TextEncoder().encode("2]");
  };
  return new Response(ReadableStream.from(parts()), { headers: { "content-type": "application/json" } });
}

Deno.test("no verdict is ready with bodies that end later, after a head in time", async () => {
  const { verdict, services: [late] } = await reportOn({
    count: 25,
    primary: () => slowBody(0),
    candidate: () => slowBody(300),
    maxLatencyRatio: 3,
  });
  assertEquals(verdict, "not-ready");
  assertMatch(late!.reasons.join(), /p50 to the end of the body \d+ ms vs [\d.]+ ms \(limit 3×\)/);
});

/** Values that repeat in the candidate, and that are no regression. */
const READY: Readonly<Record<string, Attempt>> = {
  "one instance instead of eight": {
    primary: () => json({ instance: `web-7f9c4d5b6-${POOL[Math.floor(Math.random() * POOL.length)]}`, a: 1 }),
    candidate: () => json({ instance: "web-7f9c4d5b6-0badcafe", a: 1 }),
  },
  "times in seconds": {
    primary: (index) => json({ at: 1_750_000_000 + Math.floor(index / 20 + Math.random()) }),
    candidate: (index) => json({ at: 1_750_000_000 + Math.floor(index / 20 + Math.random()) }),
  },
  "a time that a cache repeats now and then": {
    primary: (index) => json({ at: new Date(1.75e12 + index * 1_000 + Math.random() * 900) }),
    candidate: (index) => json({ at: new Date(1.75e12 + (index - (index % 3 === 0 ? 1 : 0)) * 1_000) }),
  },
  "times at random": {
    primary: () => json({ next: new Date(Math.random() * 1e12), a: 1 }),
    candidate: () => json({ next: new Date(Math.random() * 1e12), a: 1 }),
  },
  "times in UTC in two spellings": {
    primary: () => json({ at: new Date() }),
    candidate: () => json({ at: new Date().toISOString().replace("Z", "+00:00") }),
  },
  "the character set of JSON": {
    primary: () => new Response("{}", { headers: { "content-type": "application/json" } }),
    candidate: () => new Response("{}", { headers: { "content-type": "application/json; charset=utf-8" } }),
  },
  "quoted and plain parameters of links": {
    primary: () => withLink(`</items?after=${crypto.randomUUID()}>; rel="next"`),
    candidate: () => withLink(`</items?after=${crypto.randomUUID()}>;rel=next`),
  },
  "cookies that are deleted": {
    primary: () => withCookie("sid=deleted; Max-Age=0"),
    candidate: () => withCookie("sid=; Max-Age=0"),
  },
  "tokens of both services": { primary: () => page(randomToken()), candidate: () => page(randomToken()) },
};

for (const [title, attempt] of Object.entries(READY)) {
  Deno.test(`a service is ready with ${title}`, async () => {
    const { verdict, services, mismatches } = await reportOn(attempt);
    assertEquals([verdict, mismatches], ["ready", []], services[0]!.reasons.join());
  });
}

for (const [regression, attempt] of Object.entries(NOT_READY)) {
  Deno.test(`no verdict is ready with ${regression}`, async () => {
    const { verdict, services } = await reportOn(attempt);
    assert(verdict !== "ready", services[0]!.reasons.join());
  });
}

Deno.test("many fields that always differ are noise, and a wrong value among them is the only mismatch", async () => {
  const same = await reportOn({ count: 60, primary: () => manyFields(5), candidate: () => manyFields(5) });
  assertEquals([same.verdict, same.mismatches], ["ready", []]);
  const wrong = await reportOn({ count: 60, primary: () => manyFields(5), candidate: () => manyFields(6) });
  assertEquals(wrong.mismatches.map(({ path }) => path), ["$.total"], JSON.stringify(wrong));
});
