import { assert, assertEquals, assertLess, assertNotMatch, assertStringIncludes } from "@std/assert";

import { createHandler } from "../../src/proxy/fetch_handler.ts";
import type { ConfigInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { AttemptView } from "../../src/upstream/attempt.ts";
import type { ReceivedRequest } from "../../src/http/received_request.ts";
import { EventContext } from "../../src/observe/observers.ts";
import type { ConductorEvent } from "../../src/observe/events.ts";
import { type ExchangeRecord, ExchangeRing, type NewExchange } from "../../src/observe/exchange_record.ts";
import { ExchangeRecorder, type ExchangeRecorderOptions } from "../../src/observe/exchange_recorder.ts";
import { createRedaction } from "../../src/observe/redaction.ts";
import { refusingUrl, startBackend } from "../_support/servers.ts";

const PLAIN = {
  line: (line: readonly [string, string]) => line,
  text: (text: string) => text,
  words: (text: string) => text,
} as const;
const ABOUT = { requestId: "r", route: "path /" } as const;
const BLUE = { ...ABOUT, service: "blue", role: "primary" } as const;
const SHADOW = { ...ABOUT, service: "copy", role: "shadow" } as const;
const RESPONDED = {
  ...ABOUT,
  type: "responded",
  method: "GET",
  path: "/",
  status: 200,
  service: "blue",
  role: "primary",
  fallback: false,
  durationMs: 40,
} as const;

function createRecorder(options: Partial<ExchangeRecorderOptions> = {}): ExchangeRecorder {
  return new ExchangeRecorder({ redaction: () => PLAIN, ...options });
}

function clientRequestOf(parts: Partial<ReceivedRequest> = {}): ReceivedRequest {
  return {
    requestId: "r",
    method: "GET",
    path: "/",
    matchPath: "/",
    query: "?secret=1",
    authority: "a",
    headers: [],
    contentLength: undefined,
    ...parts,
  };
}

/** Sends the events of one exchange to a recorder. */
function play(recorder: ExchangeRecorder, events: readonly ConductorEvent[], clientRequest = clientRequestOf()): void {
  recorder.observe({ type: "received", ...ABOUT }, new EventContext(clientRequest, undefined, clientRequest));
  for (const event of events) recorder.observe(event, new EventContext(clientRequest));
}

function recordOf(recorder: ExchangeRecorder): ExchangeRecord {
  const [record] = recorder.after(0).exchanges;
  assert(record !== undefined);
  return record;
}

/** Records one exchange with real services. */
async function recordReal(
  config: ConfigInput,
  request: (url: string) => Request,
): Promise<{ record: ExchangeRecord; response: Response; text: string }> {
  const { config: checked } = validateConfig(config);
  const recorded = Promise.withResolvers<ExchangeRecord>();
  const redaction = createRedaction(checked);
  const recorder = new ExchangeRecorder({ redaction: () => redaction, onRecord: recorded.resolve });
  const handle = createHandler(checked, { observe: recorder.observe });
  const response = await handle(request("http://localhost"));
  const text = await response.text();
  return { record: await recorded.promise, response, text };
}

Deno.test("ExchangeRecorder publishes an exchange when its last shadow request has settled", () => {
  const recorder = createRecorder();
  const clientRequest = clientRequestOf();
  play(recorder, [
    { type: "attempted", ...BLUE, atMs: 1, hedge: false },
    { type: "attempted", ...SHADOW, atMs: 5, hedge: false },
    { type: "settled", ...BLUE, success: true, status: 200, durationMs: 40 },
    RESPONDED,
  ], clientRequest);
  assertEquals(recorder.after(0), { last: 0, exchanges: [] });
  recorder.observe(
    { type: "settled", ...SHADOW, success: false, failure: "reset", durationMs: 100 },
    new EventContext(clientRequest),
  );
  const { timeMs: _, ...record } = recordOf(recorder);
  assertEquals(record, {
    id: 1,
    requestId: "r",
    method: "GET",
    path: "/",
    route: "path /",
    headers: [],
    status: 200,
    service: "blue",
    fallback: false,
    durationMs: 40,
    attempts: [
      {
        service: "blue",
        role: "primary",
        hedge: false,
        selected: true,
        startMs: 1,
        endMs: 41,
        success: true,
        status: 200,
      },
      {
        service: "copy",
        role: "shadow",
        hedge: false,
        selected: false,
        startMs: 5,
        endMs: 105,
        success: false,
        failure: "reset",
      },
    ],
  });
});

Deno.test("ExchangeRecorder distinguishes exchanges with the same X-Request-Id", () => {
  const recorder = createRecorder();
  const [first, second] = [clientRequestOf({ path: "/1" }), clientRequestOf({ path: "/2" })];
  for (const clientRequest of [first, second]) {
    play(recorder, [{ type: "attempted", ...BLUE, atMs: 0, hedge: false }], clientRequest);
  }
  for (const clientRequest of [second, first]) {
    recorder.observe(
      { type: "settled", ...BLUE, success: true, status: 200, durationMs: 1 },
      new EventContext(clientRequest),
    );
    recorder.observe(RESPONDED, new EventContext(clientRequest));
  }
  assertEquals(recorder.after(0).exchanges.map(({ path }) => path), ["/2", "/1"]);
});

Deno.test("ExchangeRecorder records skipped services, without a start if they were not sent the request", () => {
  const recorder = createRecorder();
  play(recorder, [
    { type: "skipped", ...BLUE, reason: "open-circuit" },
    { type: "attempted", ...BLUE, atMs: 0, hedge: false },
    { type: "settled", ...BLUE, success: false, failure: "open-circuit", durationMs: 0 },
    { type: "skipped", ...SHADOW, reason: "not-sampled" },
    { ...RESPONDED, status: 502 },
  ]);
  assertEquals(recordOf(recorder).attempts.map(({ service, skipped, startMs }) => ({ service, skipped, startMs })), [
    { service: "blue", skipped: "open-circuit", startMs: undefined },
    { service: "copy", skipped: "not-sampled", startMs: undefined },
  ]);
});

Deno.test("ExchangeRecorder records an interruption after the exchange was published", () => {
  const recorder = createRecorder();
  const clientRequest = clientRequestOf();
  play(recorder, [RESPONDED], clientRequest);
  recorder.observe(
    { type: "interrupted", ...ABOUT, service: "blue", failure: "reset" },
    new EventContext(clientRequest),
  );
  assertEquals(recordOf(recorder).interrupted, "reset");
});

Deno.test("ExchangeRecorder keeps the newest exchanges, and records at most maxPerSecond", () => {
  let now = 0;
  const recorder = createRecorder({ size: 3, maxPerSecond: 5, now: () => now });
  for (let count = 0; count < 100; count++) play(recorder, [RESPONDED]);
  assertEquals(recorder.after(0).exchanges.map(({ id }) => id), [3, 4, 5]);
  now = 1_000;
  for (let count = 0; count < 100; count++) play(recorder, [RESPONDED]);
  assertEquals(recorder.after(9).exchanges.map(({ id }) => id), [10]);
});

Deno.test("ExchangeRecorder omits all events of an exchange that had no token at its start", () => {
  const recorder = createRecorder({ maxPerSecond: 1, now: () => 0 });
  const [first, second] = [clientRequestOf(), clientRequestOf({ path: "/late" })];
  for (const clientRequest of [first, second]) {
    play(recorder, [{ type: "attempted", ...BLUE, atMs: 0, hedge: false }], clientRequest);
  }
  for (const clientRequest of [second, first]) {
    recorder.observe(
      { type: "settled", ...BLUE, success: true, status: 200, durationMs: 1 },
      new EventContext(clientRequest),
    );
    recorder.observe(RESPONDED, new EventContext(clientRequest));
  }
  assertEquals(recorder.after(0).exchanges.map(({ path }) => path), ["/"]);
});

Deno.test("ExchangeRecorder publishes an exchange without the end of a slow shadow request", () => {
  let now = 0;
  const recorder = createRecorder({ now: () => now });
  play(recorder, [{ type: "attempted", ...SHADOW, atMs: 0, hedge: false }, RESPONDED]);
  now = 4_999;
  assertEquals(recorder.after(0).exchanges, []);
  now = 5_001;
  assertEquals(recordOf(recorder).attempts, [
    { service: "copy", role: "shadow", hedge: false, selected: false, startMs: 0 },
  ]);
});

Deno.test("ExchangeRecorder drops the oldest of too many incomplete exchanges", () => {
  const recorder = createRecorder({ maxPerSecond: 1_000, size: 1_000 });
  const clientRequests = Array.from({ length: 300 }, (_, index) => clientRequestOf({ path: `/${index}` }));
  for (const clientRequest of clientRequests) {
    play(recorder, [{ type: "attempted", ...BLUE, atMs: 0, hedge: false }], clientRequest);
  }
  for (const clientRequest of clientRequests) {
    recorder.observe(
      { type: "settled", ...BLUE, success: true, status: 200, durationMs: 1 },
      new EventContext(clientRequest),
    );
    recorder.observe(RESPONDED, new EventContext(clientRequest));
  }
  const { exchanges } = recorder.after(0);
  assertEquals([exchanges.length, exchanges[0]?.path], [200, "/100"]);
});

Deno.test("ExchangeRecorder truncates long requests and responses", () => {
  const recorder = createRecorder();
  const long = "x".repeat(60_000);
  const clientRequest = clientRequestOf({
    method: long,
    path: `/${long}`,
    headers: Array.from({ length: 500 }, (_, index) => [`x-${index}`, long] as const),
  });
  const outcome = { ok: true, success: true, response: { status: 200, headers: [[long, long]], body: null } } as const;
  const attempt = { outcome } as unknown as AttemptView;
  const context = new EventContext(clientRequest, attempt, clientRequest);
  recorder.observe({ type: "received", ...ABOUT }, context);
  recorder.observe({ type: "attempted", ...BLUE, atMs: 0, hedge: false }, context);
  recorder.observe({ type: "settled", ...BLUE, success: true, status: 200, durationMs: 1 }, context);
  recorder.observe(RESPONDED, context);
  const record = recordOf(recorder);
  assertLess(JSON.stringify(record).length, 12_000);
  assertStringIncludes(String(record.headers.at(-1)?.[1]), "more lines");
  assertEquals(record.path.length, 1_024);
});

Deno.test("ExchangeRing assigns ascending ids, and returns all exchanges for an id of another process", () => {
  const ring = new ExchangeRing(2);
  const { id: _, ...exchange } = { ...emptyRecord(), id: 0 };
  for (let count = 0; count < 5; count++) ring.add({ ...exchange });
  const ids = (after: number) => ring.after(after).exchanges.map(({ id }) => id);
  assertEquals([ids(0), ids(4), ids(5), ids(6), ids(Infinity)], [[4, 5], [5], [], [4, 5], []]);
});

function emptyRecord(): NewExchange {
  return {
    requestId: "r",
    timeMs: 0,
    method: "GET",
    path: "/",
    route: "",
    headers: [],
    status: 200,
    fallback: false,
    durationMs: 0,
    attempts: [],
  };
}

Deno.test("an exchange is recorded with the headers of both sides, and without secrets and queries", async () => {
  const secret = "s3cr3t-0f-the-file";
  await using backend = startBackend(() =>
    new Response("hello", {
      headers: {
        "set-cookie": `sid=${secret}`,
        "location": `http://user:pr1vate@elsewhere/path?code=pr1vate`,
        "refresh": "0; url=/next?code=pr1vate",
        "x-echo": `Bearer ${secret}`,
        "x-plain": "shown",
      },
    })
  );
  const { record } = await recordReal({
    services: [
      { name: "blue", url: backend.url, primary: true, headers: { "X-Api-Key": secret } },
      { name: "gone", url: refusingUrl(), shadow: true },
    ],
  }, (url) =>
    new Request(`${url}/path?token=${secret}`, {
      headers: {
        "authorization": `Bearer ${secret}`,
        "cookie": `a=${secret}`,
        "referer": "https://a/b?c=pr1vate#pr1vate",
        "x-vault-token": secret,
        "x-plain": "<script>",
      },
    }));
  const json = JSON.stringify(record);
  assertNotMatch(json, new RegExp(`${secret}|pr1vate`));
  const sent = Object.fromEntries(record.headers);
  assertEquals(sent["authorization"], `[redacted, ${7 + secret.length} bytes]`);
  assertEquals(sent["referer"], "https://a/b?[redacted]");
  assertEquals(sent["x-plain"], "<script>");
  const got = Object.fromEntries(record.attempts[0]?.headers ?? []);
  assertEquals([got["x-plain"], got["location"]], ["shown", "http://[redacted]@elsewhere/path?[redacted]"]);
  assertEquals(record.attempts.map(({ service, status, failure }) => ({ service, status, failure })), [
    { service: "blue", status: 200, failure: undefined },
    { service: "gone", status: undefined, failure: "refused" },
  ]);
});

Deno.test("a request without a route is recorded too", async () => {
  const { record } = await recordReal(
    { services: [{ name: "a", url: "http://localhost:1", pathExact: "/a" }] },
    (url) => new Request(`${url}/b`),
  );
  assertEquals([record.status, record.route, record.attempts], [404, "", []]);
});

Deno.test("an observer of the public API gets events without a context", async () => {
  const { conductor } = await import("@zeek/conductor");
  const calls: unknown[][] = [];
  const handle = conductor({ services: [{ name: "a", url: "http://localhost:1", pathExact: "/a" }] }, {
    observe: (...all: unknown[]) => void calls.push(all),
  });
  await (await handle(new Request("http://localhost/b"))).text();
  assertEquals(calls.map(({ length }) => length), calls.map(() => 1));
  assert(calls.length > 0);
});

Deno.test("ExchangeRecorder keeps the causes of failed attempts and of an interrupted response", () => {
  const recorder = createRecorder();
  const context = new EventContext({}, undefined, clientRequestOf());
  const later = new EventContext(context.exchange);
  const detail = {
    error: "Connection refused",
    address: "10.0.0.7:8081",
    cause: "connection refused at 10.0.0.7:8081",
  };
  recorder.observe({ type: "received", requestId: "r" }, context);
  for (const about of [BLUE, SHADOW]) {
    recorder.observe({ ...about, type: "attempted", atMs: 0, hedge: false }, later);
  }
  const failed = { type: "settled", success: false, failure: "refused", durationMs: 1 } as const;
  recorder.observe({ ...SHADOW, ...failed, ...detail }, later);
  recorder.observe({ ...BLUE, type: "settled", success: true, status: 200, durationMs: 1 }, later);
  recorder.observe(RESPONDED, later);
  const interrupted = { type: "interrupted", ...ABOUT, service: "blue", failure: "reset" } as const;
  recorder.observe({ ...interrupted, error: "reset by peer", address: "10.0.0.8:80" }, later);
  const { attempts } = recorder.after(0).exchanges[0]!;
  assertEquals(attempts.map(({ service, error, address, cause }) => ({ service, error, address, cause })), [
    { service: "blue", error: "reset by peer", address: "10.0.0.8:80", cause: undefined },
    { service: "copy", ...detail },
  ]);
});

Deno.test("ExchangeRecorder searches a line that repeats for secrets once, and again after a reload", () => {
  const searched: string[] = [];
  const createCounting = (secret: string) => ({
    ...PLAIN,
    line(line: readonly [string, string]) {
      searched.push(line[1]);
      return line[1] === secret ? [line[0], "hidden"] as const : line;
    },
  });
  let redaction = createCounting("s3cret");
  const recorder = createRecorder({ redaction: () => redaction });
  const record = (value: string) => {
    play(recorder, [RESPONDED], clientRequestOf({ headers: [["x-a", value]] }));
    return recorder.after(0).exchanges.at(-1)!.headers[0]![1];
  };
  assertEquals(["a", "a", "s3cret", "s3cret", "a"].map(record), ["a", "a", "hidden", "hidden", "a"]);
  assertEquals(searched, ["a", "s3cret", "s3cret"]);
  redaction = createCounting("a");
  assertEquals(["a", "a"].map(record), ["hidden", "hidden"]);
  assertEquals(searched.slice(3), ["a", "a"]);
});
