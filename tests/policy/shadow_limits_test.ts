/** Limits of shadow requests: in flight, and per second. */

import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { ConductorEvent, ConfigInput, ServiceInput, Transport, TransportResult } from "@zeek/conductor";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState, type SharedState } from "../../src/policy/shared_state.ts";
import { recordingTransport } from "../_support/transports.ts";
import { startBackend, startConductor, startRawBackend } from "../_support/servers.ts";

const OK: TransportResult = { ok: true, response: { status: 200, headers: [], body: null } };

interface Scene {
  readonly handle: Handler;
  readonly outcomes: string[];
  /** Responds to the oldest pending shadow request. */
  respond(result?: TransportResult): Promise<void>;
}

/** Creates a handler whose primary responds at once. With `hangs`, shadow requests wait for `respond()`. */
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
  const answer = recordingTransport();
  const transport: Transport = (request) => (hangs && request.origin === "http://localhost" ? hang : answer)(request);
  const observe = (event: ConductorEvent) => {
    if (event.type === "skipped") outcomes.push(event.reason);
    if (event.type === "attempted" && event.role === "shadow") outcomes.push("mirrored");
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
    async respond(result = OK) {
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

Deno.test("shadow requests above maxInFlight are not sent, and the client gets its responses", async () => {
  using _time = new FakeTime();
  const { handle, outcomes } = scene({ maxInFlight: 2 }, { hangs: true });
  await ask(handle, 4);
  assertEquals(outcomes, ["mirrored", "mirrored", "max-in-flight", "max-in-flight"]);
});

Deno.test("64 requests to a shadow may be in flight by default", async () => {
  using _time = new FakeTime();
  const { handle, outcomes } = scene({}, { hangs: true });
  await ask(handle, 70);
  assertEquals(outcomes, [...Array(64).fill("mirrored"), ...Array(6).fill("max-in-flight")]);
});

// Columns: the end of a shadow request, and its result.
const ENDS: readonly (readonly [name: string, result: TransportResult])[] = [
  ["gets a response", OK],
  ["fails", { ok: false, kind: "reset" }],
  ["gets a response with a body that ends", {
    ok: true,
    response: { status: 200, headers: [], body: new Blob(["body"]).stream() },
  }],
  ["gets a response with a body that breaks off", {
    ok: true,
    response: { status: 200, headers: [], body: new ReadableStream({ start: (c) => c.error(new Error("broken")) }) },
  }],
];

for (const [name, result] of ENDS) {
  Deno.test(`a shadow request that ${name} makes room for the next one`, async () => {
    const { handle, outcomes, respond } = scene({ maxInFlight: 1 }, { hangs: true });
    await ask(handle, 2);
    await respond(result);
    await ask(handle, 2);
    assertEquals(outcomes, ["mirrored", "max-in-flight", "mirrored", "max-in-flight"]);
    await respond();
  });
}

Deno.test("a shadow request that times out makes room for the next one", async () => {
  using time = new FakeTime();
  const { handle, outcomes } = scene({ maxInFlight: 1, timeout: 1 }, { hangs: true, now: () => Date.now() });
  await ask(handle, 2);
  await time.tickAsync(1_010);
  await ask(handle, 1);
  assertEquals(outcomes, ["mirrored", "max-in-flight", "mirrored"]);
});

Deno.test("the count of requests in flight survives a reload, by the name of the shadow", async () => {
  using _time = new FakeTime();
  const instance = createSharedState();
  await ask(scene({ maxInFlight: 2 }, { hangs: true, instance }).handle, 1);
  const next = scene({ maxInFlight: 2 }, { hangs: true, instance });
  await ask(next.handle, 2);
  assertEquals(next.outcomes, ["mirrored", "max-in-flight"]);
  const other = scene({ name: "other", maxInFlight: 2 }, { hangs: true, instance });
  await ask(other.handle, 2);
  assertEquals(other.outcomes, ["mirrored", "mirrored"]);
});

Deno.test("a shadow request above maxConnectionsPerService is reported once, as queue-full", async () => {
  using _time = new FakeTime();
  const { handle, outcomes } = scene({}, { hangs: true, top: { limits: { maxConnectionsPerService: 1 } } });
  await ask(handle, 2);
  assertEquals(outcomes, ["mirrored", "mirrored", "queue-full"]);
});

Deno.test("shadow requests above maxRate are not sent, and a reload does not refill the bucket", async () => {
  let nowMs = 0;
  const instance = createSharedState();
  const options = { instance, now: () => nowMs };
  const { handle, outcomes } = scene({ maxRate: 2 }, options);
  await ask(handle, 3);
  nowMs = 500;
  await ask(handle, 2);
  assertEquals(outcomes, ["mirrored", "mirrored", "rate-limited", "mirrored", "rate-limited"]);
  const next = scene({ maxRate: 2 }, options);
  await ask(next.handle, 1);
  assertEquals(next.outcomes, ["rate-limited"]);
});

Deno.test("requests outside the sample do not count for maxRate", async () => {
  const { handle, outcomes } = scene({ maxRate: 2, sample: 0.5 }, { now: () => 0 });
  await ask(handle, 10);
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length;
  assertEquals([count("not-sampled"), count("mirrored"), count("rate-limited")], [5, 2, 3]);
});

Deno.test("over sockets, a shadow that hangs gets no more than maxInFlight, and another shadow gets everything", async () => {
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
  assertEquals(skips, Array(17).fill("hanging max-in-flight"));
  assertEquals(heard.connections, 3);
  await front.event((event) => event.type === "settled" && event.failure === "timeout");
});

Deno.test("a shadow whose responses do not end gets 20 requests per second, until they do", async () => {
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
      if (event.type === "attempted" && event.role === "shadow") outcomes.push("mirrored");
    },
  });
  const askEach = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await ask(handle, 1);
      // Until the response was discarded or read.
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { mirrored: outcomes.filter((outcome) => outcome === "mirrored").length, outcomes: outcomes.splice(0) };
  };
  assertEquals((await askEach(8)).mirrored, 8);
  const { mirrored, outcomes: first } = await askEach(300);
  assertEquals(mirrored, 20);
  assertEquals(new Set(first), new Set(["mirrored", "connection-budget"]));
  nowMs += 500;
  assertEquals((await askEach(300)).mirrored, 10);
  // One response in sixteen is still read, which shows that they end now.
  pieces = 1;
  nowMs += 1_000;
  await askEach(16);
  assertEquals((await askEach(300)).mirrored, 300);
});
