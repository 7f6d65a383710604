/**
 * Rules of hedging, with a scripted transport and virtual time: when hedges are sent, and which attempts are aborted.
 */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { ConductorEvent, ConfigInput, Handler, ServiceInput, TransportResult } from "@zeek/conductor";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState } from "../../src/policy/shared_state.ts";
import { VirtualTime } from "../_support/virtual_time.ts";

/** Delays in milliseconds and outcomes of a service, in order. The last one repeats. `hang` never responds. */
type Script = readonly string[];

interface Scene {
  readonly handle: Handler;
  /** Attempts and their outcomes with the time since `mark()`: `0 → a`, `30 a 200`. */
  readonly trace: string[];
  mark(): void;
}

/** Creates a handler whose services follow scripts such as `"20 200"`, `"5 refused"` and `"hang"`. */
function scene(
  time: VirtualTime,
  services: readonly (Partial<ServiceInput> & { readonly name: string })[],
  scripts: Readonly<Record<string, Script>>,
  { instance = createSharedState(), ...config }: Partial<ConfigInput> & {
    instance?: ReturnType<typeof createSharedState>;
  } = {},
): Scene {
  const trace: string[] = [];
  let markedMs = time.now();
  const at = () => time.now() - markedMs;
  const counts = new Map<string, number>();
  const observe = (event: ConductorEvent) => {
    if (event.type === "attempted") trace.push(`${at()} → ${event.service}${event.hedge ? " (hedge)" : ""}`);
    if (event.type === "settled") trace.push(`${at()} ${event.service} ${event.status ?? event.failure}`);
    if (event.type === "skipped") trace.push(`${at()} ${event.service} not sent: ${event.reason}`);
    if (event.type === "responded") trace.push(`${at()} ⇒ ${event.service ?? ""} ${event.status}`);
  };
  const checked = validateConfig({
    wait: "primary",
    timeout: 1,
    ...config,
    services: services.map((service) => ({ url: `http://${service.name}`, ...service })),
  });
  const handle = createHandler(checked.config, {
    instance,
    now: time.now,
    observe,
    transport({ origin, signal, body }) {
      const name = origin.slice("http://".length);
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      const script = scripts[name] ?? ["0 200"];
      const [delay, outcome] = (script[count] ?? script.at(-1)!).split(" ");
      const { promise, resolve } = Promise.withResolvers<TransportResult>();
      if (body instanceof ReadableStream) body.pipeTo(new WritableStream()).catch(() => {});
      const timer = outcome === undefined ? undefined : setTimeout(() => resolve(resultOf(outcome)), Number(delay));
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve({ ok: false, kind: "aborted" });
      });
      return promise;
    },
  });
  return {
    handle,
    trace,
    mark() {
      trace.length = 0;
      markedMs = time.now();
    },
  };
}

function resultOf(outcome: string): TransportResult {
  const status = Number(outcome);
  if (status > 0) return { ok: true, response: { status, headers: [], body: null } };
  return { ok: false, kind: outcome as "refused" };
}

/** Sends requests one after the other. */
async function send(time: VirtualTime, { handle }: Scene, count = 1, request = () => new Request("http://h/")) {
  for (let sent = 0; sent < count; sent++) {
    const responding = handle(request());
    await time.pass(1_100);
    await (await responding).body?.cancel();
  }
}

const post = () => new Request("http://h/", { method: "POST", body: "x", headers: { "content-length": "1" } });
const upload = () => new Request("http://h/", { method: "POST", body: ReadableStream.from([new Uint8Array(1)]) });

const A = { name: "a", primary: true } as const;
const TWIN = { name: "b", primary: true, hedge: { after: "50ms" } } as const;
const SPARE = { name: "b", hedge: { after: "50ms" } } as const;
const THIRD = { name: "c", primary: true, hedge: { after: "30ms" } } as const;
const UNSAFE = { name: "b", primary: true, hedge: { after: "50ms", unsafe: true } } as const;

interface Case {
  readonly name: string;
  readonly services: Parameters<typeof scene>[1];
  readonly scripts: Readonly<Record<string, Script>>;
  readonly config?: Partial<ConfigInput>;
  readonly request?: () => Request;
  readonly trace: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "is not sent if the first service responds in time",
    services: [A, TWIN],
    scripts: { a: ["40 200"] },
    trace: ["0 → a", "40 a 200", "40 ⇒ a 200"],
  },
  {
    name: "is sent after its delay, and aborts the service that it waited for when it responds first",
    services: [A, TWIN],
    scripts: { a: ["hang"], b: ["20 200"] },
    trace: ["0 → a", "50 → b (hedge)", "70 b 200", "70 a aborted", "70 ⇒ b 200"],
  },
  {
    name: "is aborted if the first service responds after all",
    services: [A, TWIN],
    scripts: { a: ["60 200"], b: ["hang"] },
    trace: ["0 → a", "50 → b (hedge)", "60 a 200", "60 b aborted", "60 ⇒ a 200"],
  },
  {
    name: "aborts only the service that it waited for, also with wait: all",
    services: [A, { name: "s" }, TWIN],
    scripts: { a: ["hang"], s: ["90 200"], b: ["20 200"] },
    config: { wait: "all" },
    trace: ["0 → a", "0 → s", "50 → b (hedge)", "70 b 200", "70 a aborted", "90 s 200", "90 ⇒ b 200"],
  },
  {
    name: "is not waited for with wait: all before it is sent",
    services: [A, TWIN],
    scripts: { a: ["20 200"] },
    config: { wait: "all" },
    trace: ["0 → a", "20 a 200", "20 ⇒ a 200"],
  },
  {
    name: "is sent at once if the first service fails",
    services: [A, TWIN],
    scripts: { a: ["10 500"], b: ["20 200"] },
    trace: ["0 → a", "10 a 500", "10 → b (hedge)", "30 b 200", "30 ⇒ b 200"],
  },
  {
    name: "is sent at once when all earlier services have failed",
    services: [A, { name: "a2", primary: true }, TWIN],
    scripts: { a: ["10 500"], a2: ["20 reset"], b: ["5 200"] },
    trace: ["0 → a", "0 → a2", "10 a 500", "20 a2 reset", "20 → b (hedge)", "25 b 200", "25 ⇒ b 200"],
  },
  {
    name: "of a secondary does not end the wait for a primary",
    services: [A, SPARE],
    scripts: { a: ["100 200"], b: ["10 200"] },
    trace: ["0 → a", "50 → b (hedge)", "60 b 200", "100 a 200", "100 ⇒ a 200"],
  },
  {
    name: "of a secondary is the fallback if the primary fails later",
    services: [A, SPARE],
    scripts: { a: ["100 500"], b: ["10 200"] },
    trace: ["0 → a", "50 → b (hedge)", "60 b 200", "100 a 500", "100 ⇒ b 200"],
  },
  {
    name: "of a secondary is not sent if another secondary has responded",
    services: [A, { name: "s" }, SPARE],
    scripts: { a: ["100 200"], s: ["10 200"] },
    trace: ["0 → a", "0 → s", "10 s 200", "100 a 200", "100 ⇒ a 200"],
  },
  {
    name: "waits for its turn behind other hedges",
    services: [A, TWIN, THIRD],
    scripts: { a: ["hang"], b: ["hang"], c: ["10 200"] },
    trace: [
      "0 → a",
      "50 → b (hedge)",
      "80 → c (hedge)",
      "90 c 200",
      "90 a aborted",
      "90 b aborted",
      "90 ⇒ c 200",
    ],
  },
  {
    name: "is sent at once when the hedge before it fails and no other attempt is pending",
    services: [A, TWIN, THIRD],
    scripts: { a: ["10 500"], b: ["10 refused"], c: ["10 200"] },
    trace: [
      "0 → a",
      "10 a 500",
      "10 → b (hedge)",
      "20 b refused",
      "20 → c (hedge)",
      "30 c 200",
      "30 ⇒ c 200",
    ],
  },
  {
    name: "of an unsafe request is not sent because of the time",
    services: [A, TWIN],
    scripts: { a: ["100 200"] },
    request: post,
    trace: ["0 → a", "100 a 200", "100 ⇒ a 200"],
  },
  {
    name: "of an unsafe request is not sent if another service may have processed it",
    services: [A, TWIN],
    scripts: { a: ["10 reset"] },
    request: post,
    trace: ["0 → a", "10 a reset", "10 b not sent: method-excluded", "10 ⇒  502"],
  },
  {
    name: "of an unsafe request leaves one failing response, which is relayed",
    services: [A, TWIN],
    scripts: { a: ["10 503"] },
    request: post,
    trace: ["0 → a", "10 a 503", "10 b not sent: method-excluded", "10 ⇒ a 503"],
  },
  {
    name: "of an unsafe request is sent if no service can have processed it",
    services: [A, TWIN],
    scripts: { a: ["10 refused"], b: ["10 200"] },
    request: post,
    trace: ["0 → a", "10 a refused", "10 → b (hedge)", "20 b 200", "20 ⇒ b 200"],
  },
  {
    name: "of an unsafe request is sent with unsafe: true, after its delay and after a failure",
    services: [A, UNSAFE],
    scripts: { a: ["hang"], b: ["10 200"] },
    request: post,
    trace: ["0 → a", "50 → b (hedge)", "60 b 200", "60 a aborted", "60 ⇒ b 200"],
  },
  {
    name: "is not sent with a streamed body that is being read",
    services: [A, UNSAFE],
    scripts: { a: ["100 reset"] },
    request: upload,
    trace: ["0 → a", "100 a reset", "100 b not sent: body-too-large", "100 ⇒  502"],
  },
  {
    name: "fails like any other attempt",
    services: [A, TWIN],
    scripts: { a: ["hang"], b: ["hang"] },
    trace: ["0 → a", "50 → b (hedge)", "1000 a timeout", "1050 b timeout", "1050 ⇒  502"],
  },
];

for (const { name, services, scripts, config, request, trace } of CASES) {
  Deno.test(`a hedge ${name}`, async () => {
    using time = new VirtualTime();
    const stage = scene(time, services, scripts, config);
    stage.mark();
    await send(time, stage, 1, request);
    assertEquals(stage.trace, trace);
  });
}

Deno.test("a hedge is sent at once if the first service is unavailable, with any body", async () => {
  using time = new VirtualTime();
  const broken = { ...A, breaker: { failures: 1, openFor: "1h", maxOpenFor: "1h" } } as const;
  const stage = scene(time, [broken, TWIN], { a: ["0 refused"], b: ["10 200"] });
  await send(time, stage);
  for (const request of [undefined, post, upload]) {
    stage.mark();
    await send(time, stage, 1, request);
    assertEquals(stage.trace, [
      "0 a not sent: open-circuit",
      "0 → a",
      "0 a open-circuit",
      "0 → b (hedge)",
      "10 b 200",
      "10 ⇒ b 200",
    ]);
  }
});

Deno.test("a hedge whose service is unavailable leaves its turn to the next, and keeps its budget", async () => {
  using time = new VirtualTime();
  const broken = {
    ...TWIN,
    hedge: { after: "50ms", maxExtra: "1%" },
    breaker: { failures: 1, openFor: "1.5s" },
  } as const;
  const stage = scene(time, [A, broken, THIRD], {
    a: ["0 500", "hang"],
    b: ["0 500", "0 200"],
    c: ["0 200"],
  });
  await send(time, stage);
  stage.mark();
  await send(time, stage);
  assertEquals(stage.trace.slice(0, 5), [
    "0 → a",
    "50 b not sent: open-circuit",
    "50 → b (hedge)",
    "50 b open-circuit",
    "50 → c (hedge)",
  ]);
  stage.mark();
  await send(time, stage);
  assertEquals(stage.trace[1], "50 → b (hedge)");
});

Deno.test("an attempt that lost to a hedge does not count for its breaker", async () => {
  using time = new VirtualTime();
  const stage = scene(time, [{ ...A, breaker: { failures: 1 } }, TWIN], { a: ["hang"], b: ["0 200"] });
  await send(time, stage, 5);
  assertEquals(stage.trace.filter((line) => line.includes("open-circuit")), []);
});

Deno.test("the budget ends hedging in an outage, but not the fallback, and successes refill it", async () => {
  using time = new VirtualTime();
  const hang = Array.from({ length: 15 }, () => "hang");
  const calm = Array.from({ length: 20 }, () => "0 200");
  const stage = scene(time, [A, TWIN], { a: [...hang, ...calm, "hang"], b: ["0 200"] });
  const sentAt = async (count: number) => {
    stage.mark();
    const times: string[] = [];
    for (let request = 0; request < count; request++) {
      stage.mark();
      await send(time, stage);
      times.push(stage.trace.find((line) => line.endsWith("→ b (hedge)"))?.split(" ")[0] ?? "-");
    }
    return times;
  };
  // A tenth of the hundred credited requests, then only after the timeout.
  assertEquals(await sentAt(15), [...Array(10).fill("50"), ...Array(5).fill("1000")]);
  assertEquals(stage.trace.filter((line) => line.includes("not sent")), []);
  assertEquals(await sentAt(20), Array(20).fill("-"));
  assertEquals(await sentAt(4), ["50", "50", "1000", "1000"]);
});

Deno.test("a hedge without budget is reported once, if it is never sent", async () => {
  using time = new VirtualTime();
  const stage = scene(time, [A, { ...TWIN, hedge: { after: "50ms", maxExtra: 0 } }], { a: ["100 200"] });
  stage.mark();
  await send(time, stage);
  assertEquals(stage.trace, ["0 → a", "100 a 200", "100 b not sent: hedge-budget", "100 ⇒ a 200"]);
});

Deno.test("with maxExtra: 100% there is no limit", async () => {
  using time = new VirtualTime();
  const stage = scene(time, [A, { ...TWIN, hedge: { after: "50ms", maxExtra: "100%" } }], {
    a: ["hang"],
    b: ["0 200"],
  });
  await send(time, stage, 150);
  assertEquals(stage.trace.filter((line) => line.includes("→ b (hedge)")).length, 150);
});

Deno.test("a percentile needs a hundred latencies, follows the fastest peer, and outlives a reload", async () => {
  using time = new VirtualTime();
  const instance = createSharedState();
  const services = [A, { name: "a2", primary: true }, { ...TWIN, hedge: { after: "p90" } }] as const;
  // Latencies from 1 to 100 ms, and from 101 to 200 ms.
  const times = (from: number) => Array.from({ length: 100 }, (_, index) => `${from + index} 200`);
  const first = scene(time, services, { a: [...times(1), "hang"], a2: [...times(101), "hang"] }, {
    instance,
    wait: "all",
    limits: { maxInFlight: 1_000 },
  });
  const burst = async (count: number) => {
    const responding = Array.from({ length: count }, () => first.handle(new Request("http://h/")));
    await time.pass(1_000);
    await Promise.all(responding);
  };
  await burst(99);
  first.mark();
  await burst(1);
  assertEquals(first.trace.filter((line) => line.includes("hedge")), []);
  first.mark();
  await burst(1);
  assertEquals(first.trace.filter((line) => line.includes("→ b")), ["90 → b (hedge)"]);
  const second = scene(time, services, { a: ["hang"], a2: ["hang"] }, { instance });
  second.mark();
  await send(time, second);
  assertEquals(second.trace.filter((line) => line.includes("→ b")), ["90 → b (hedge)"]);
  const elsewhere = [{ ...A, url: "http://a:81" }, { ...services[1]!, url: "http://a2:81" }, services[2]!];
  const third = scene(time, elsewhere, { "a:81": ["0 500"], "a2:81": ["0 500"] }, { instance });
  third.mark();
  await send(time, third);
  assertEquals(third.trace.at(-1), "0 ⇒ b 200");
  const fourth = scene(time, services, { a: ["hang"], a2: ["hang"] }, { instance });
  fourth.mark();
  await send(time, fourth);
  assertEquals(fourth.trace.filter((line) => line.includes("→ b")), ["1000 → b (hedge)"]);
});

Deno.test("fast failures do not lower a percentile", async () => {
  using time = new VirtualTime();
  const script = Array.from({ length: 300 }, (_, index) => index % 2 === 0 ? "0 refused" : "80 200");
  const stage = scene(time, [A, { ...TWIN, hedge: { after: "p50" } }], { a: [...script, "hang"], b: ["0 200"] });
  await Promise.all([...script.map(() => stage.handle(new Request("http://h/"))), time.pass(500)]);
  stage.mark();
  await send(time, stage);
  assertEquals(stage.trace[1], "80 → b (hedge)");
});

Deno.test("a percentile does not count uploads, whose duration is up to the client", async () => {
  using time = new VirtualTime();
  const times = (time: string) => Array.from({ length: 100 }, () => time);
  const script = [...times("80 200"), ...times("900 200"), "hang"];
  const stage = scene(time, [A, { ...TWIN, hedge: { after: "p90" } }], { a: script, b: ["0 200"] });
  const sendAll = async (init: () => RequestInit) => {
    const sent = Array.from({ length: 100 }, () => stage.handle(new Request("http://h/", init())));
    await Promise.all([...sent, time.pass(1_000)]);
  };
  await sendAll(() => ({}));
  await sendAll(() => ({ method: "POST", body: new Blob([new Uint8Array(100_000)]).stream() }));
  stage.mark();
  await send(time, stage);
  assertEquals(stage.trace[1], "80 → b (hedge)");
});

Deno.test("percentiles count attempts that lost to a hedge, because each hedge would otherwise lower them", async () => {
  using time = new VirtualTime();
  const times = Array.from({ length: 10_000 }, (_, index) => `${(index * 37) % 100 + 1} 200`);
  const hedge = { after: "p90", maxExtra: "100%" } as const;
  const stage = scene(time, [A, { ...TWIN, hedge }], { a: times, b: ["1 200"] });
  for (let sent = 0; sent < times.length; sent++) {
    stage.handle(new Request("http://h/"));
    await time.pass(30);
  }
  // Five minutes later, still a tenth of the requests is hedged, after 90 ms.
  const late = stage.trace.filter((line) => line.endsWith("→ b (hedge)") && Number.parseFloat(line) > 240_000);
  const share = late.length / 2_000;
  assertGreater(share, 0.08);
  assertLess(share, 0.12);
});

Deno.test("a client that disconnects during the delay of a hedge leaves nothing to send", async () => {
  using time = new VirtualTime();
  const stage = scene(time, [A, { ...TWIN, hedge: { after: "200ms" } }], { a: ["hang"], b: ["0 200"] });
  stage.mark();
  const controller = new AbortController();
  const responding = stage.handle(new Request("http://h/", { signal: controller.signal }));
  await time.pass(100);
  controller.abort();
  await time.pass(300);
  assertEquals((await responding).status, 499);
  assertEquals(stage.trace, ["0 → a", "100 a aborted", "100 ⇒  499"]);
});

Deno.test("the timeout of a hedge starts when it is sent", async () => {
  using time = new VirtualTime();
  const stage = scene(time, [A, { ...SPARE, timeout: "200ms", hedge: { after: "50ms" } }], {
    a: ["hang"],
    b: ["hang"],
  });
  stage.mark();
  await send(time, stage);
  assertEquals(stage.trace, [
    "0 → a",
    "50 → b (hedge)",
    "250 b timeout",
    "1000 a timeout",
    "1000 ⇒  502",
  ]);
});
