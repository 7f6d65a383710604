import { assertEquals } from "@std/assert";
import type { BreakerInput, BreakerState, ConductorEvent, ConfigInput, ServiceInput, Transport } from "@zeek/conductor";

import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { type AttemptSignal, Breaker, REJECTED, signalOf } from "../../src/policy/breaker.ts";
import { createSharedState } from "../../src/policy/shared_state.ts";
import { type Backend, type Front, refusingUrl, startBackend, startConductor } from "../_support/servers.ts";
import { startSlowBackend } from "../_support/slow_backend.ts";

const VERDICTS: Readonly<Record<string, AttemptSignal>> = { s: "success", f: "failure", n: "nothing" };
const LETTERS: Readonly<Record<BreakerState, string>> = { closed: "C", open: "O", "half-open": "H" };

function breakerOf(settings: BreakerInput | true, now: () => number, onChange = (_: BreakerState) => {}): Breaker {
  const { config } = validateConfig({ services: [{ name: "a", url: "http://a", breaker: settings }] });
  return new Breaker(config.services[0]!.breaker!, { now, onChange });
}

/**
 * What a breaker makes of a sequence. `f`, `s` and `n` are attempts that come and go at once (failure, success, nothing),
 * `a(` is one that comes and `a:f` its end, `A(` is an upload, `+10` lets 10 ms pass. Each step leaves the letter of the state, in front of it
 * a `-` where the attempt was not let in.
 */
function play(settings: BreakerInput | true, steps: string): string {
  let nowMs = 0;
  const breaker = breakerOf(settings, () => nowMs);
  const tickets = new Map<string, number>();
  const enter = (isUpload = false) => {
    const wasRefused = breaker.isRejecting(isUpload);
    const ticket = breaker.tryAcquire(isUpload);
    assertEquals(ticket === REJECTED, wasRefused);
    return ticket;
  };
  return steps.split(" ").map((step) => {
    let mark = "";
    if (step.startsWith("+")) nowMs += Number(step);
    else if (step.endsWith("(")) {
      const ticket = enter(/[A-Z]/.test(step));
      tickets.set(step[0]!, ticket);
      if (ticket === REJECTED) mark = "-";
    } else if (step.includes(":")) breaker.record(tickets.get(step[0]!)!, VERDICTS[step[2]!]!);
    else {
      const ticket = enter();
      if (ticket === REJECTED) mark = "-";
      breaker.record(ticket, VERDICTS[step]!);
    }
    return mark + LETTERS[breaker.state];
  }).join(" ");
}

const ROW: BreakerInput = { failures: 3, openFor: "10ms", maxOpenFor: "35ms" };
const WINDOW: BreakerInput = { failures: 2, window: 4, openFor: "10ms" };

/** What happens, the settings, the steps, and what each of them leaves. */
const SEQUENCES: readonly (readonly [name: string, settings: BreakerInput | true, steps: string, trace: string])[] = [
  ["opens on failures in a row", ROW, "f f f s", "C C O -O"],
  ["starts to count anew after a success", ROW, "f f s f f", "C C C C C"],
  ["is not held up by what says nothing", ROW, "f n f n n f", "C C C C C O"],
  ["opens on failures within the window", WINDOW, "f s s f", "C C C O"],
  ["lets another probe in when one takes a second", ROW, "f f f +10 a( +999 s +1 b( b:s", "C C O O H H -H H H C"],
  ["lets other requests in beside an upload", ROW, "f f f +10 A( B( a( b( a:s", "C C O O H -H H -H C"],
  ["lets an upload in when a probe takes a second", ROW, "f f f +10 a( A( +1000 A( B( A:s", "C C O O H -H H H -H C"],
  ["closes with a slow probe behind others", ROW, "f f f +10 a( +1000 b( +1000 c( a:s b:f", "C C O O H H H H H C C"],
  ["passes the turn on when one of two probes says nothing", ROW, "f f f +10 a( +1000 b( b:n s", "C C O O H H H H C"],
  ["forgets what has left the window", WINDOW, "f s s s f s f", "C C C C C C O"],
  ["opens with its defaults on five in a row", true, "f f f f s f f f f f", "C C C C C C C C C O"],
  ["closes after its time on one success", ROW, "f f f +9 s +1 s f f f", "C C O O -O O C C C O"],
  ["opens again on the probe's failure", ROW, "f f f +10 f s", "C C O O O -O"],
  ["lets one probe in at a time", ROW, "f f f +10 a( s b( a:s s", "C C O O H -H -H C C"],
  ["lets the next one probe where the first said nothing", ROW, "f f f +10 a( s a:n b( s b:s", "C C O O H -H H H -H C"],
  [
    "waits twice as long each time, up to the longest",
    ROW,
    "f f f +10 f +19 s +1 f +34 s +1 s",
    "C C O O O O -O O O O -O O C",
  ],
  [
    "waits for its first time again once it was closed",
    ROW,
    "f f f +10 f +20 s f f f +10 s",
    "C C O O O O C C C O O C",
  ],
  ["ignores what entered before it opened", ROW, "a( b( f f f a:s +10 b:f s", "C C C C O O O O C"],
  ["ignores what entered before, while it is probed", ROW, "a( b( f f f +10 c( a:s b:f c:s", "C C C C O O H H H C"],
  ["ignores what entered before, when it has closed", { ...ROW, failures: 1 }, "a( f +10 s a:f s", "C O O C C C"],
  ["ignores a probe of before it opened again", { ...ROW, failures: 1 }, "f +10 a( +1000 b( b:f a:s", "O O H H H O O"],
];

for (const [name, settings, steps, trace] of SEQUENCES) {
  Deno.test(`a breaker ${name}`, () => assertEquals(play(settings, steps), trace));
}

Deno.test("a breaker tells of each change once", () => {
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

Deno.test("verdictOf() counts what a service did, and neither the client's faults nor our own", () => {
  const response = { status: 200, headers: [], body: null };
  assertEquals(signalOf({ ok: true, response, success: true }), "success");
  assertEquals(signalOf({ ok: true, response, success: false }), "failure");
  for (const kind of ["timeout", "refused", "reset", "dns", "tls", "protocol"] as const) {
    assertEquals(signalOf({ ok: false, kind }), "failure");
  }
  for (
    const kind of ["aborted", "lagging", "overloaded", "open-circuit", "head-too-large", "unsendable"] as const
  ) {
    assertEquals(signalOf({ ok: false, kind }), "nothing");
  }
  assertEquals(signalOf({ ok: false, kind: "reset", provoked: true }), "nothing");
  for (const status of [501, 505, 508]) {
    assertEquals(signalOf({ ok: true, response: { ...response, status }, success: false }), "nothing");
  }
});

/** Conductor with a clock that only the test moves on. */
function startWithClock(config: ConfigInput): { front: Front; pass(ms: number): void } {
  let passedMs = 0;
  const front = startConductor(config, { now: () => performance.now() + passedMs });
  return { front, pass: (ms) => void (passedMs += ms) };
}

/** A backend that does as it is told, from one request to the next. */
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

/** A primary whose breaker opens on the second failure in a row, and a secondary that stands in. */
function withFallback(primary: Backend, fallback: Backend, more: Partial<ServiceInput> = {}): ConfigInput {
  return {
    services: [
      { name: "main", url: primary.url, primary: true, breaker: { failures: 2, openFor: 10 }, ...more },
      { name: "backup", url: fallback.url },
    ],
  };
}

Deno.test("an open primary is sent nothing, and the fallback answers; one probe tells when it is back", async () => {
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

Deno.test("of many requests at once exactly one is the probe", async () => {
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

  // The probe's client goes away: that says nothing, and the next request is the probe.
  leaving.abort();
  await probe;
  await front.event((event) => event.type === "settled" && event.failure === "aborted");
  main.mood = "up";
  assertEquals(answeredBy(await get(front.url)), "200 main");
  assertEquals(changes(front.events), ["main open", "main half-open", "main closed"]);
});

Deno.test("clients that go away, or break their body off, do not open a breaker", async () => {
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

Deno.test("an attempt for which there was no room does not open a breaker", async () => {
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

Deno.test("an open shadow gets no copy, and is told of once for each request", async () => {
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

Deno.test("where all services of a route are open, the answer is a 502 at once that says so", async () => {
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

Deno.test("an upload reaches the fallback whole while the primary is open, and needs nobody where all are", async () => {
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
  // The answer comes before the body has been read; a client that goes on sending may see the connection close.
  const { status } = await upload("/alone").catch(() => ({ status: 502 }));
  assertEquals(status, 502);
  await front.event((event) => event.type === "responded" && event.path === "/alone" && event.method === "POST");
  assertEquals(main.seen.length, 2);
});

/** A handler of a configuration, as a reload makes them: on the same instance. */
function reloading(): { load(service: Partial<ServiceInput>): void; asked(): Promise<boolean> } {
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

/** What a reload changes, and whether the breaker that is open has been forgotten then. */
const RELOADS: readonly (readonly [name: string, service: Partial<ServiceInput>, isAsked: boolean])[] = [
  ["keeps an open breaker", { breaker: { failures: 1 } }, false],
  ["keeps an open breaker when other settings change", { breaker: { failures: 1, openFor: 5 }, timeout: 1 }, false],
  ["starts anew with other settings", { breaker: { failures: 1, openFor: 6 } }, true],
  ["starts anew with another backend", { breaker: { failures: 1 }, url: "http://b" }, true],
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

Deno.test("a request that an unhealthy service does not get is not its probe", async () => {
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

Deno.test("an observer that throws does not disturb a breaker", async () => {
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
