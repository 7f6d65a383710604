/** How many copies there are at once, and how often. */

import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { ConductorEvent, ConfigInput, ServiceInput, Transport, TransportResult } from "@zeek/conductor";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState, type SharedState } from "../../src/policy/shared_state.ts";
import { takeToken } from "../../src/lib/token_bucket.ts";
import { answerAll } from "../_support/answer_all.ts";
import { startBackend, startConductor, startRawBackend } from "../_support/servers.ts";

const OK: TransportResult = { ok: true, response: { status: 200, headers: [], body: null } };

interface Scene {
  readonly handle: Handler;
  readonly outcomes: string[];
  /** Answers the oldest copy that hangs. */
  answerCopy(result?: TransportResult): Promise<void>;
}

/** A handler whose primary answers at once; copies hang until they are answered, or are answered at once too. */
function scene(
  shadow: Partial<ServiceInput>,
  { hangs = false, instance = createSharedState(), top = {}, now = () => performance.now() }: {
    hangs?: boolean;
    instance?: SharedState;
    top?: Partial<ConfigInput>;
    now?: () => number;
  } = {},
): Scene {
  const waiting: ((result: TransportResult) => void)[] = [];
  const outcomes: string[] = [];
  const hang: Transport = () => new Promise((resolve) => void waiting.push(resolve));
  const answer = answerAll();
  const transport: Transport = (request) => (hangs && request.origin === "http://localhost" ? hang : answer)(request);
  const observe = (event: ConductorEvent) => {
    if (event.type === "skipped") outcomes.push(event.reason);
    if (event.type === "attempted" && event.role === "shadow") outcomes.push("copied");
  };
  const services = [{ name: "main", url: "http://main" }, {
    name: "copy",
    url: "http://localhost",
    shadow: true,
    ...shadow,
  }];
  const { config } = validateConfig({ ...top, services });
  return {
    outcomes,
    handle: createHandler(config, { transport, observe, instance, now }),
    async answerCopy(result = OK) {
      waiting.shift()!(result);
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

async function ask(handle: Handler, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    assertEquals((await handle(new Request("http://h/"))).status, 200);
  }
}

Deno.test("more copies in flight than maxInFlight are not sent, and the client's answers come all the same", async () => {
  using _time = new FakeTime();
  const { handle, outcomes } = scene({ maxInFlight: 2 }, { hangs: true });
  await ask(handle, 4);
  assertEquals(outcomes, ["copied", "copied", "overloaded", "overloaded"]);
});

Deno.test("64 copies of a shadow without any field may be in flight", async () => {
  using _time = new FakeTime();
  const { handle, outcomes } = scene({}, { hangs: true });
  await ask(handle, 70);
  assertEquals(outcomes, [...Array(64).fill("copied"), ...Array(6).fill("overloaded")]);
});

// Columns: how a copy ends.
const ENDS: readonly (readonly [name: string, result: TransportResult])[] = [
  ["is answered", OK],
  ["fails", { ok: false, kind: "reset" }],
  ["is answered with a body that ends", {
    ok: true,
    response: { status: 200, headers: [], body: new Blob(["body"]).stream() },
  }],
  ["is answered with a body that breaks off", {
    ok: true,
    response: { status: 200, headers: [], body: new ReadableStream({ start: (c) => c.error(new Error("broken")) }) },
  }],
];

for (const [name, result] of ENDS) {
  Deno.test(`a copy that ${name} makes room for the next one`, async () => {
    const { handle, outcomes, answerCopy } = scene({ maxInFlight: 1 }, { hangs: true });
    await ask(handle, 2);
    await answerCopy(result);
    await ask(handle, 2);
    assertEquals(outcomes, ["copied", "overloaded", "copied", "overloaded"]);
    await answerCopy();
  });
}

Deno.test("a copy that times out makes room for the next one", async () => {
  using time = new FakeTime();
  const { handle, outcomes } = scene({ maxInFlight: 1, timeout: 1 }, { hangs: true, now: () => Date.now() });
  await ask(handle, 2);
  await time.tickAsync(1_010);
  await ask(handle, 1);
  assertEquals(outcomes, ["copied", "overloaded", "copied"]);
});

Deno.test("copies in flight are counted on when the configuration is replaced, by the shadow's name", async () => {
  using _time = new FakeTime();
  const instance = createSharedState();
  await ask(scene({ maxInFlight: 2 }, { hangs: true, instance }).handle, 1);
  const next = scene({ maxInFlight: 2 }, { hangs: true, instance });
  await ask(next.handle, 2);
  assertEquals(next.outcomes, ["copied", "overloaded"]);
  const other = scene({ name: "other", maxInFlight: 2 }, { hangs: true, instance });
  await ask(other.handle, 2);
  assertEquals(other.outcomes, ["copied", "copied"]);
});

Deno.test("a copy that finds no place under maxConnectionsPerService is reported as overloaded, once", async () => {
  using _time = new FakeTime();
  const { handle, outcomes } = scene({}, { hangs: true, top: { limits: { maxConnectionsPerService: 1 } } });
  await ask(handle, 2);
  assertEquals(outcomes, ["copied", "copied", "overloaded"]);
});

Deno.test("takeToken() lets one second's worth through at once, then as many as come in", () => {
  const state = { tokens: 0, refilledMs: -Infinity };
  const taken = (count: number, nowMs: number) =>
    Array.from({ length: count }, () => takeToken(state, 10, nowMs)).filter(Boolean).length;
  assertEquals(taken(100, 0), 10);
  assertEquals(taken(100, 99), 0);
  assertEquals(taken(100, 100), 1);
  assertEquals(taken(100, 600), 5);
  assertEquals(taken(100, 60_000), 10);
  assertEquals(taken(1, 50_000), 0);
});

Deno.test("takeToken() never lets more through in a second than twice its worth, and in a long time no more than the rate", () => {
  const state = { tokens: 0, refilledMs: -Infinity };
  const times: number[] = [];
  for (let nowMs = 0; nowMs < 60_000; nowMs += 3) if (takeToken(state, 7, nowMs)) times.push(nowMs);
  for (const from of times) assertEquals(times.filter((at) => at >= from && at < from + 1_000).length <= 14, true);
  assertEquals(times.length, 60 * 7 + 6);
});

Deno.test("takeToken() saves up for one copy where the rate is below one per second", () => {
  const state = { tokens: 0, refilledMs: -Infinity };
  const times = [0, 1, 1_000, 1_999, 2_000, 9_000, 9_001].map((nowMs) => takeToken(state, 0.5, nowMs));
  assertEquals(times, [true, false, false, false, true, true, false]);
});

Deno.test("copies above maxRate are not sent, and a reload does not fill the bucket again", async () => {
  let nowMs = 0;
  const instance = createSharedState();
  const options = { instance, now: () => nowMs };
  const { handle, outcomes } = scene({ maxRate: 2 }, options);
  await ask(handle, 3);
  nowMs = 500;
  await ask(handle, 2);
  assertEquals(outcomes, ["copied", "copied", "rate", "copied", "rate"]);
  const next = scene({ maxRate: 2 }, options);
  await ask(next.handle, 1);
  assertEquals(next.outcomes, ["rate"]);
});

Deno.test("what is not sampled takes nothing of maxRate", async () => {
  const { handle, outcomes } = scene({ maxRate: 2, sample: 0.5 }, { now: () => 0 });
  await ask(handle, 10);
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length;
  assertEquals([count("sampled"), count("copied"), count("rate")], [5, 2, 3]);
});

Deno.test("over sockets, a shadow that hangs is sent no more than it may have, and its sibling gets everything", async () => {
  await using main = startBackend();
  await using healthy = startBackend();
  const heard = { connections: 0 };
  await using hanging = startRawBackend(async (connection) => {
    heard.connections++;
    while (await connection.read(new Uint8Array(1_024)) !== null);
  });
  await using front = startConductor({
    timeout: 1,
    services: [
      { name: "main", url: main.url },
      { name: "hanging", url: hanging.url, shadow: true, maxInFlight: 3 },
      { name: "healthy", url: healthy.url, shadow: true },
    ],
  });
  for (let index = 0; index < 20; index++) assertEquals(await (await fetch(front.url)).text(), "ok");
  await healthy.received(20);
  const skips = front.events.flatMap((event) => event.type === "skipped" ? [`${event.service} ${event.reason}`] : []);
  assertEquals(skips, Array(17).fill("hanging overloaded"));
  assertEquals(heard.connections, 3);
  await front.event((event) => event.type === "settled" && event.failure === "timeout");
});

Deno.test("a shadow whose answers do not end is sent twenty copies a second, until they do", async () => {
  let nowMs = 0;
  let pieces = Infinity;
  const outcomes: string[] = [];
  const transport: Transport = ({ origin }) => {
    if (origin === "http://main") return Promise.resolve(OK);
    let left = pieces;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => left-- > 0 ? controller.enqueue(new Uint8Array(16_384)) : controller.close(),
    }, { highWaterMark: 0 });
    return Promise.resolve({ ok: true, response: { status: 200, headers: [], body } });
  };
  const { config } = validateConfig({
    services: [{ name: "main", url: "http://main" }, { name: "copy", url: "http://copy", shadow: true }],
  });
  const handle = createHandler(config, {
    transport,
    now: () => nowMs,
    observe: (event) => {
      if (event.type === "skipped") outcomes.push(event.reason);
      if (event.type === "attempted" && event.role === "shadow") outcomes.push("copied");
    },
  });
  const askEach = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await ask(handle, 1);
      // Until the answer has been given up, or read.
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { copied: outcomes.filter((outcome) => outcome === "copied").length, outcomes: outcomes.splice(0) };
  };
  assertEquals((await askEach(8)).copied, 8);
  const { copied, outcomes: first } = await askEach(300);
  assertEquals(copied, 20);
  assertEquals(new Set(first), new Set(["copied", "overloaded"]));
  nowMs += 500;
  assertEquals((await askEach(300)).copied, 10);
  // One in sixteen is read all the same: then it is known that they end now.
  pieces = 1;
  nowMs += 1_000;
  await askEach(16);
  assertEquals((await askEach(300)).copied, 300);
});
