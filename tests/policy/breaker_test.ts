import { assertEquals } from "@std/assert";
import type {
  BreakerInput,
  BreakerState,
  ConductorEvent,
  ConfigInput,
  PrimaryServiceInput,
  Transport,
} from "@zeek/conductor";

import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { type AttemptSignal, Breaker, REJECTED, signalOf } from "../../src/policy/breaker.ts";
import { createSharedState } from "../../src/policy/shared_state.ts";
import {
  type Backend,
  type Front,
  refusingUrl,
  startBackend,
  startConductor,
  startSlowBackend,
} from "../_support/servers.ts";

const SIGNALS: Readonly<Record<string, AttemptSignal>> = { s: "success", f: "failure", n: "nothing" };
const LETTERS: Readonly<Record<BreakerState, string>> = { closed: "C", open: "O", "half-open": "H" };

function breakerOf(settings: BreakerInput | true, now: () => number, onChange = (_: BreakerState) => {}): Breaker {
  const { config } = validateConfig({ services: [{ name: "a", url: "http://a", breaker: settings }] });
  return new Breaker(config.services[0]!.breaker!, { now, onChange });
}

/**
 * Plays a sequence of steps, and returns the state after each. `f`, `s` and `n` are attempts that end at once, with a
 * failure, a success or nothing. `a(` starts an attempt, `A(` an upload, and `a:f` ends it with a failure. `+10` lets
 * 10 ms pass. A `-` before the state marks a rejected attempt.
 */
function play(settings: BreakerInput | true, steps: string): string {
  let nowMs = 0;
  const breaker = breakerOf(settings, () => nowMs);
  const generations = new Map<string, number>();
  const acquire = (isUpload = false) => {
    const wasRejecting = breaker.isRejecting(isUpload);
    const generation = breaker.tryAcquire(isUpload);
    assertEquals(generation === REJECTED, wasRejecting);
    return generation;
  };
  return steps.split(" ").map((step) => {
    let mark = "";
    if (step.startsWith("+")) nowMs += Number(step);
    else if (step.endsWith("(")) {
      const generation = acquire(/[A-Z]/.test(step));
      generations.set(step[0]!, generation);
      if (generation === REJECTED) mark = "-";
    } else if (step.includes(":")) breaker.record(generations.get(step[0]!)!, SIGNALS[step[2]!]!);
    else {
      const generation = acquire();
      if (generation === REJECTED) mark = "-";
      breaker.record(generation, SIGNALS[step]!);
    }
    return mark + LETTERS[breaker.state];
  }).join(" ");
}

const ROW: BreakerInput = { failures: 3, openFor: "10ms", maxOpenFor: "35ms" };
const WINDOW: BreakerInput = { failures: 2, window: 4, openFor: "10ms" };

/** Columns: the behaviour, the settings, the steps, the states after them. */
const SEQUENCES: readonly (readonly [name: string, settings: BreakerInput | true, steps: string, trace: string])[] = [
  ["opens on failures in a row", ROW, "f f f s", "C C O -O"],
  ["counts from zero after a success", ROW, "f f s f f", "C C C C C"],
  ["ignores outcomes that say nothing", ROW, "f n f n n f", "C C C C C O"],
  ["opens on failures within the window", WINDOW, "f s s f", "C C C O"],
  ["admits another probe after a second", ROW, "f f f +10 a( +999 s +1 b( b:s", "C C O O H H -H H H C"],
  ["admits other requests while an upload is the probe", ROW, "f f f +10 A( B( a( b( a:s", "C C O O H -H H -H C"],
  ["admits an upload when a probe takes a second", ROW, "f f f +10 a( A( +1000 A( B( A:s", "C C O O H -H H H -H C"],
  [
    "closes on a slow probe that others have overtaken",
    ROW,
    "f f f +10 a( +1000 b( +1000 c( a:s b:f",
    "C C O O H H H H H C C",
  ],
  ["admits the next probe when one of two says nothing", ROW, "f f f +10 a( +1000 b( b:n s", "C C O O H H H H C"],
  ["ignores failures that have left the window", WINDOW, "f s s s f s f", "C C C C C C O"],
  ["opens by default on five failures in a row", true, "f f f f s f f f f f", "C C C C C C C C C O"],
  ["closes on one success after its open time", ROW, "f f f +9 s +1 s f f f", "C C O O -O O C C C O"],
  ["opens again when the probe fails", ROW, "f f f +10 f s", "C C O O O -O"],
  ["admits one probe at a time", ROW, "f f f +10 a( s b( a:s s", "C C O O H -H -H C C"],
  ["admits the next probe when the first says nothing", ROW, "f f f +10 a( s a:n b( s b:s", "C C O O H -H H H -H C"],
  [
    "doubles its open time, up to the maximum",
    ROW,
    "f f f +10 f +19 s +1 f +34 s +1 s",
    "C C O O O O -O O O O -O O C",
  ],
  [
    "starts with the first open time again after it was closed",
    ROW,
    "f f f +10 f +20 s f f f +10 s",
    "C C O O O O C C C O O C",
  ],
  ["ignores attempts that started before it opened", ROW, "a( b( f f f a:s +10 b:f s", "C C C C O O O O C"],
  ["ignores earlier attempts during a probe", ROW, "a( b( f f f +10 c( a:s b:f c:s", "C C C C O O H H H C"],
  ["ignores earlier attempts after it has closed", { ...ROW, failures: 1 }, "a( f +10 s a:f s", "C O O C C C"],
  [
    "ignores a probe that started before it opened again",
    { ...ROW, failures: 1 },
    "f +10 a( +1000 b( b:f a:s",
    "O O H H H O O",
  ],
];

for (const [name, settings, steps, trace] of SEQUENCES) {
  Deno.test(`a breaker ${name}`, () => assertEquals(play(settings, steps), trace));
}

Deno.test("a breaker reports each change once", () => {
  const states: BreakerState[] = [];
  let nowMs = 0;
  const breaker = breakerOf({ failures: 1, openFor: 1 }, () => nowMs, (state) => void states.push(state));
  breaker.record(breaker.tryAcquire(), "failure");
  breaker.tryAcquire();
  nowMs = 1_000;
  breaker.record(breaker.tryAcquire(), "nothing");
  breaker.record(breaker.tryAcquire(), "failure");
  nowMs = 3_000;
  breaker.record(breaker.tryAcquire(), "success");
  breaker.record(breaker.tryAcquire(), "success");
  assertEquals(states, ["open", "half-open", "open", "half-open", "closed"]);
});

Deno.test("signalOf() counts faults of the service, not of the client or of conductor", () => {
  const response = { status: 200, headers: [], body: null };
  assertEquals(signalOf({ ok: true, response, success: true }), "success");
  assertEquals(signalOf({ ok: true, response, success: false }), "failure");
  for (const kind of ["timeout", "refused", "reset", "dns", "tls", "protocol"] as const) {
    assertEquals(signalOf({ ok: false, kind }), "failure");
  }
  for (
    const kind of [
      "aborted",
      "body-lag",
      "queue-full",
      "queue-timeout",
      "no-descriptors",
      "no-ports",
      "hanging-handshakes",
      "open-circuit",
      "unhealthy",
      "head-too-large",
      "unsendable",
    ] as const
  ) {
    assertEquals(signalOf({ ok: false, kind }), "nothing");
  }
  assertEquals(signalOf({ ok: false, kind: "reset", provoked: true }), "nothing");
  for (const status of [501, 505, 508]) {
    assertEquals(signalOf({ ok: true, response: { ...response, status }, success: false }), "nothing");
  }
});

/** Starts conductor with a clock that the test can advance. */
function startWithClock(config: ConfigInput): { front: Front; pass(ms: number): void } {
  let passedMs = 0;
  const front = startConductor(config, { now: () => performance.now() + passedMs });
  return { front, pass: (ms) => void (passedMs += ms) };
}

/** A backend whose behaviour the test can change between requests. */
interface MoodyBackend extends Backend {
  mood: "up" | "down" | "hanging";
}

function startMoodyBackend(mood: MoodyBackend["mood"] = "down"): MoodyBackend {
  const backend = startBackend((request) => {
    if (moody.mood === "hanging") {
      return new Promise((resolve) => request.signal.onabort = () => resolve(new Response()));
    }
    return moody.mood === "up" ? new Response("up") : new Response("down", { status: 503 });
  });
  const moody = { ...backend, mood };
  return moody;
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response;
}

function answeredBy(response: Response): string {
  return `${response.status} ${response.headers.get("x-conductor-service")}`;
}

function reasons(events: readonly ConductorEvent[]): string[] {
  return events.flatMap((event) => event.type === "skipped" ? [`${event.service} ${event.reason}`] : []);
}

function changes(events: readonly ConductorEvent[]): string[] {
  return events.flatMap((event) => event.type === "breaker" ? [`${event.service} ${event.state}`] : []);
}

/** A primary whose breaker opens on the second failure in a row, and a secondary as the fallback. */
function withFallback(primary: Backend, fallback: Backend, more: Partial<PrimaryServiceInput> = {}): ConfigInput {
  return {
    services: [
      { name: "main", url: primary.url, primary: true, breaker: { failures: 2, openFor: 10 }, ...more },
      { name: "backup", url: fallback.url },
    ],
  };
}

Deno.test("a primary with an open breaker gets nothing but probes, and the fallback responds", async () => {
  await using main = startMoodyBackend();
  await using backup = startBackend();
  const { front, pass } = startWithClock(withFallback(main, backup));
  await using _ = front;
  for (let i = 0; i < 5; i++) assertEquals(answeredBy(await get(front.url)), "200 backup");
  assertEquals([main.seen.length, backup.seen.length], [2, 5]);
  assertEquals(reasons(front.events), Array(3).fill("main open-circuit"));

  pass(10_000);
  assertEquals(answeredBy(await get(front.url)), "200 backup");
  assertEquals(answeredBy(await get(front.url)), "200 backup");
  assertEquals(main.seen.length, 3);

  main.mood = "up";
  pass(10_001);
  assertEquals(answeredBy(await get(front.url)), "200 backup");
  assertEquals(main.seen.length, 3, "the time has doubled");
  pass(10_000);
  for (let i = 0; i < 3; i++) assertEquals(answeredBy(await get(front.url)), "200 main");
  assertEquals(main.seen.length, 6);
  assertEquals(changes(front.events), [
    "main open",
    "main half-open",
    "main open",
    "main half-open",
    "main closed",
  ]);
});

Deno.test("exactly one of many concurrent requests is the probe", async () => {
  await using main = startMoodyBackend();
  await using backup = startBackend();
  const { front, pass } = startWithClock({ ...withFallback(main, backup), wait: "primary" });
  await using _ = front;
  await get(front.url);
  await get(front.url);
  pass(10_000);
  main.mood = "hanging";
  const leaving = new AbortController();
  const probe = fetch(front.url, { signal: leaving.signal }).catch(() => {});
  await main.received(3);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(front.url)));
  assertEquals(answers.map(answeredBy), Array(20).fill("200 backup"));
  assertEquals(main.seen.length, 3);

  // The client of the probe disconnects. That says nothing, so the next request is the probe.
  leaving.abort();
  await probe;
  await front.event((event) => event.type === "settled" && event.failure === "aborted");
  main.mood = "up";
  assertEquals(answeredBy(await get(front.url)), "200 main");
  assertEquals(changes(front.events), ["main open", "main half-open", "main closed"]);
});

Deno.test("clients that disconnect, or break off their body, do not open a breaker", async () => {
  await using main = startMoodyBackend("hanging");
  await using front = startConductor({
    timeout: 20,
    services: [{ name: "main", url: main.url, breaker: { failures: 1 } }],
  });
  const aborted = (count: number) => () =>
    front.events.filter((event) => event.type === "settled" && event.failure === "aborted").length >= count;
  const leaving = new AbortController();
  const gone = fetch(front.url, { signal: leaving.signal }).catch(() => {});
  await main.received(1);
  leaving.abort();
  await gone;
  await front.event(aborted(1));

  const connection = await Deno.connect({ hostname: "127.0.0.1", port: front.port });
  const head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
  await connection.write(new TextEncoder().encode(head));
  await front.event(() => front.events.filter(({ type }) => type === "attempted").length === 2);
  connection.close();
  await front.event(aborted(2));

  main.mood = "up";
  assertEquals(answeredBy(await get(front.url)), "200 main");
  assertEquals(changes(front.events), []);
});

Deno.test("an attempt that fails as queue-full does not open a breaker", async () => {
  await using slow = startSlowBackend();
  await using front = startConductor({
    limits: { maxConnectionsPerService: 1 },
    services: [{ name: "main", url: slow.url, breaker: { failures: 1 } }],
  });
  const first = get(front.url);
  await slow.received(1);
  assertEquals((await get(front.url)).status, 502);
  slow.release();
  assertEquals((await first).status, 200);
  assertEquals((await get(front.url)).status, 200);
});

Deno.test("a shadow with an open breaker gets no requests, and each is reported once", async () => {
  await using main = startBackend();
  await using copy = startMoodyBackend();
  await using front = startConductor({
    services: [
      { name: "main", url: main.url, primary: true },
      { name: "copy", url: copy.url, shadow: true, breaker: { failures: 1 } },
    ],
  });
  await get(front.url);
  await front.event(({ type }) => type === "breaker");
  for (let i = 0; i < 3; i++) assertEquals(answeredBy(await get(front.url)), "200 main");
  assertEquals([main.seen.length, copy.seen.length], [4, 1]);
  assertEquals(reasons(front.events), Array(3).fill("copy open-circuit"));
  const attempts = front.events.filter((event) => event.type === "attempted" && event.service === "copy");
  assertEquals(attempts.length, 1);
});

Deno.test("the response is an immediate 502 if all breakers of a route are open", async () => {
  const url = refusingUrl();
  const breaker = { failures: 1 };
  await using front = startConductor({
    services: [
      { name: "alone", url, pathExact: "/alone", breaker },
      { name: "main", url, primary: true, breaker },
      { name: "backup", url, breaker },
    ],
  });
  for (const [path, names] of [["/alone", ["alone"]], ["/", ["main", "backup"]]] as const) {
    const ask = () => fetch(front.url + path, { headers: { accept: "application/json" } });
    assertEquals((await (await ask()).json()).services[0].failure, "refused");
    const response = await ask();
    assertEquals([response.status, response.headers.get("retry-after")], [502, null]);
    const { services } = await response.json();
    assertEquals(
      services.map(({ service, failure }: { service: string; failure: string }) => [service, failure]),
      names.map((name) => [name, "open-circuit"]),
    );
  }
});

Deno.test("an upload reaches the fallback if the breaker of the primary is open, and is not read if all are open", async () => {
  await using main = startMoodyBackend();
  await using backup = startBackend();
  const breaker = { failures: 1 };
  await using front = startConductor({
    services: [
      { name: "main", url: main.url, primary: true, breaker },
      { name: "backup", url: backup.url },
      { name: "alone", url: main.url, pathExact: "/alone", breaker },
    ],
  });
  await get(front.url);
  await get(`${front.url}/alone`);
  const body = "x".repeat(3_000_000);
  const upload = (path: string) => fetch(front.url + path, { method: "POST", body });
  const response = await upload("/");
  assertEquals([answeredBy(response), await response.text()], ["200 backup", "ok"]);
  assertEquals(backup.seen.at(-1)!.body.length, body.length);
  assertEquals(main.seen.length, 2);
  // The response precedes the body. A client that continues to send may see the connection close.
  const { status } = await upload("/alone").catch(() => ({ status: 502 }));
  assertEquals(status, 502);
  await front.event((event) => event.type === "responded" && event.path === "/alone" && event.method === "POST");
  assertEquals(main.seen.length, 2);
});

/** Creates handlers that share their state, as reloads do. */
function reloading(): { load(service: Partial<PrimaryServiceInput>): void; asked(): Promise<boolean> } {
  const instance = createSharedState();
  let isAsked = false;
  const transport: Transport = () => {
    isAsked = true;
    return Promise.resolve({ ok: false, kind: "refused" });
  };
  let handle: ReturnType<typeof createHandler>;
  return {
    load(service) {
      const { config } = validateConfig({ services: [{ name: "a", url: "http://a", ...service }] });
      handle = createHandler(config, { instance, transport });
    },
    async asked() {
      isAsked = false;
      await handle(new Request("http://h/"));
      return isAsked;
    },
  };
}

/** Columns: the behaviour, the changed service, and whether the open breaker is replaced by a new one. */
const RELOADS: readonly (readonly [name: string, service: Partial<PrimaryServiceInput>, isAsked: boolean])[] = [
  ["keeps an open breaker", { breaker: { failures: 1 } }, false],
  ["keeps an open breaker when other settings change", { breaker: { failures: 1, openFor: 5 }, timeout: 1 }, false],
  ["starts anew with other settings", { breaker: { failures: 1, openFor: 6 } }, true],
  ["creates a new breaker for another backend", { breaker: { failures: 1 }, url: "http://b" }, true],
  ["forgets a breaker that is gone", {}, true],
];

for (const [name, service, isAsked] of RELOADS) {
  Deno.test(`a reload ${name}`, async () => {
    const { load, asked } = reloading();
    load({ breaker: { failures: 1 } });
    assertEquals([await asked(), await asked()], [true, false]);
    load(service);
    assertEquals(await asked(), isAsked);
  });
}

Deno.test("a request that is skipped as unhealthy is not the probe", async () => {
  let nowMs = 0;
  const instance = createSharedState();
  const events: ConductorEvent[] = [];
  const { config } = validateConfig({ services: [{ name: "a", url: "http://a", breaker: { failures: 1 } }] });
  const handle = createHandler(config, {
    instance,
    transport: () => Promise.resolve({ ok: false, kind: "refused" }),
    now: () => nowMs,
    observe: (event) => void events.push(event),
  });
  await handle(new Request("http://h/"));
  nowMs = 5_000;
  instance.health.set("a", "unhealthy");
  await handle(new Request("http://h/"));
  assertEquals([changes(events), reasons(events)], [["a open"], ["a unhealthy"]]);
  instance.health.set("a", "healthy");
  await handle(new Request("http://h/"));
  assertEquals(changes(events), ["a open", "a half-open", "a open"]);
});

Deno.test("an observer that throws does not affect a breaker", async () => {
  const handle = createHandler(
    validateConfig({ services: [{ name: "a", url: refusingUrl(), breaker: true }] }).config,
    {
      observe: () => {
        throw new Error("observer");
      },
    },
  );
  for (let i = 0; i < 7; i++) assertEquals((await handle(new Request("http://h/"))).status, 502);
});
