/**
 * Outcomes of attempts, with a scripted transport and virtual time, for events that real sockets cannot produce on
 * demand.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  conductor,
  type ConductorEvent,
  type Handler,
  type Transport,
  type TransportRequest,
  type TransportResult,
} from "@zeek/conductor";
import { BrokenResponseError } from "../../src/upstream/response_body.ts";
import { UpstreamFailure } from "../../src/upstream/transport.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Longer than the 50 ms after which the client of an exchange is watched. */
const CLIENT_WATCHED_MS = 60;

const OK: TransportResult = { ok: true, response: { status: 200, headers: [], body: null } };

/** A handler with two services, `p` and `s`, each with its own scripted transport. */
function scene(
  scripts: Record<"p" | "s", Transport>,
  more: { timeout?: number; wait?: "all" | "primary" } = {},
): { handle: Handler; events: ConductorEvent[] } {
  const events: ConductorEvent[] = [];
  const handle = conductor({
    ...more,
    services: [{ name: "p", url: "http://p", primary: true }, { name: "s", url: "http://s" }],
  }, {
    transport: (request) => scripts[request.origin === "http://p" ? "p" : "s"](request),
    now: () => Date.now(),
    observe: (event) => events.push(event),
  });
  return { handle, events };
}

function settlements(events: readonly ConductorEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === "settled" ? [`${event.service} ${event.status ?? event.failure}`] : []
  );
}

const succeed: Transport = () => Promise.resolve(OK);
const hang: Transport = () => new Promise(() => {});

Deno.test("fanOut() settles an attempt as protocol if the transport throws or rejects", async () => {
  const scripts: Transport[] = [
    () => {
      throw new Error("thrown");
    },
    () => Promise.reject(new Error("rejected")),
  ];
  for (const p of scripts) {
    const { handle, events } = scene({ p, s: succeed });
    const response = await handle(new Request("http://h/"));
    assertEquals(response.headers.get("x-conductor-service"), "s");
    assertEquals(settlements(events).sort(), ["p protocol", "s 200"]);
  }
});

Deno.test("fanOut() accepts a transport that returns no promise, as plain JavaScript may", async () => {
  const plain = (() => OK) as unknown as Transport;
  const { handle } = scene({ p: plain, s: succeed });
  assertEquals((await handle(new Request("http://h/"))).headers.get("x-conductor-service"), "p");
});

Deno.test("fanOut() aborts an attempt at its timeout, and discards a response that arrives later", async () => {
  using time = new FakeTime();
  const late = Promise.withResolvers<TransportResult>();
  let request: TransportRequest | undefined;
  const { handle, events } = scene({
    p: (sent) => {
      request = sent;
      return late.promise;
    },
    s: succeed,
  }, { timeout: 1 });
  const pending = handle(new Request("http://h/"));
  await time.tickAsync(1_010);
  assertEquals((await pending).headers.get("x-conductor-service"), "s");
  assertEquals(settlements(events), ["s 200", "p timeout"]);
  assert(request!.signal.aborted);
  let cancelled = false;
  const body = new ReadableStream<Chunk>({ cancel: () => void (cancelled = true) });
  late.resolve({ ok: true, response: { status: 200, headers: [], body } });
  await time.runMicrotasks();
  assert(cancelled);
});

Deno.test("fanOut() grants a small body one more timeout after its head, and no more if it arrives slowly", async () => {
  using time = new FakeTime();
  const drip: Transport = ({ signal }) => {
    const body = new ReadableStream<Chunk>({
      start(controller) {
        const timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 400);
        signal.addEventListener("abort", () => {
          clearInterval(timer);
          controller.error(signal.reason);
        });
      },
    });
    return Promise.resolve({ ok: true, response: { status: 200, headers: [["content-length", "100"]], body } });
  };
  const { handle, events } = scene({ p: drip, s: succeed }, { timeout: 1 });
  const pending = handle(new Request("http://h/"));
  await time.tickAsync(990);
  assertEquals(settlements(events), ["s 200"]);
  await time.tickAsync(20);
  assertEquals(settlements(events), ["s 200", "p timeout"]);
  assertEquals((await pending).headers.get("x-conductor-service"), "s");
});

Deno.test("fanOut() cancels the stream of an unneeded response, even if the abort does not end the stream", async () => {
  using time = new FakeTime();
  let cancelled = false;
  // Like an aborted fetch without a pending read: neither bytes nor an error arrive.
  const body = new ReadableStream<Chunk>({
    pull: () => new Promise(() => {}),
    cancel: () => void (cancelled = true),
  });
  const dripping: TransportResult = { ok: true, response: { status: 200, headers: [], body } };
  const { handle } = scene({ p: succeed, s: () => Promise.resolve(dripping) }, { timeout: 0.1, wait: "primary" });
  assertEquals((await handle(new Request("http://h/"))).headers.get("x-conductor-service"), "p");
  await time.tickAsync(90);
  assertEquals(cancelled, false);
  await time.tickAsync(20);
  assertEquals(cancelled, true);
});

Deno.test("a response is cancelled when the client disconnects, even if the abort does not end its stream", async () => {
  using time = new FakeTime();
  let cancelled = false;
  const body = new ReadableStream<Chunk>({
    pull: () => new Promise(() => {}),
    cancel: () => void (cancelled = true),
  });
  const streamed: TransportResult = { ok: true, response: { status: 200, headers: [], body } };
  const controller = new AbortController();
  const { handle } = scene({ p: hang, s: () => Promise.resolve(streamed) });
  const pending = handle(new Request("http://h/", { signal: controller.signal }));
  await time.tickAsync(CLIENT_WATCHED_MS);
  controller.abort();
  assertEquals((await pending).status, 499);
  await time.runMicrotasks();
  assertEquals(cancelled, true);
});

Deno.test("fanOut() leaves no timer behind", async () => {
  // Deno's sanitizer fails this test if a timer is left.
  const { handle } = scene({ p: succeed, s: succeed });
  assertEquals((await handle(new Request("http://h/"))).status, 200);
});

Deno.test("fanOut() aborts every attempt when the client disconnects", async () => {
  using time = new FakeTime();
  const controller = new AbortController();
  const { handle, events } = scene({ p: hang, s: hang });
  const pending = handle(new Request("http://h/", { signal: controller.signal }));
  await time.runMicrotasks();
  controller.abort();
  await time.tickAsync(CLIENT_WATCHED_MS);
  assertEquals((await pending).status, 499);
  assertEquals(settlements(events), ["p aborted", "s aborted"]);
});

Deno.test("fanOut() aborts every attempt at once when the client of a long exchange disconnects", async () => {
  using time = new FakeTime();
  const controller = new AbortController();
  const { handle, events } = scene({ p: hang, s: hang });
  const pending = handle(new Request("http://h/", { signal: controller.signal }));
  await time.tickAsync(CLIENT_WATCHED_MS);
  controller.abort();
  assertEquals((await pending).status, 499);
  assertEquals(settlements(events), ["p aborted", "s aborted"]);
});

// Columns: the error of the stream; the recorded kind, which is `reset` if the error has none.
const STREAM_FAILURES = [[new UpstreamFailure("protocol"), "protocol"], [new TypeError("x"), "reset"]] as const;

for (const [error, kind] of STREAM_FAILURES) {
  const breaking = (length: string): Transport => () => {
    const body = new ReadableStream<Chunk>({ pull: (controller) => controller.error(error) }, { highWaterMark: 0 });
    return Promise.resolve({ ok: true, response: { status: 200, headers: [["content-length", length]], body } });
  };

  Deno.test(`a small body that fails with ${error.name} settles its attempt as ${kind}`, async () => {
    const { handle, events } = scene({ p: breaking("5"), s: succeed });
    assertEquals((await handle(new Request("http://h/"))).headers.get("x-conductor-service"), "s");
    assertEquals(settlements(events).sort(), [`p ${kind}`, "s 200"]);
  });

  Deno.test(`a large body that fails with ${error.name} is recorded as interrupted by ${kind}`, async () => {
    const { handle, events } = scene({ p: breaking("500000"), s: succeed });
    const response = await handle(new Request("http://h/"));
    await assertRejects(() => response.bytes(), BrokenResponseError);
    assertEquals(events.flatMap((event) => event.type === "interrupted" ? [event.failure] : []), [kind]);
  });
}

Deno.test("a body that the response must not have is cancelled", async () => {
  let cancelled = 0;
  const withBody = (status: number): Transport => () => {
    const body = new ReadableStream<Chunk>({ cancel: () => void cancelled++ });
    return Promise.resolve({ ok: true, response: { status, headers: [], body } });
  };
  const head = scene({ p: withBody(200), s: succeed });
  assertEquals(await (await head.handle(new Request("http://h/", { method: "HEAD" }))).text(), "");
  const none = scene({ p: withBody(204), s: succeed });
  assertEquals((await none.handle(new Request("http://h/"))).body, null);
  assertEquals(cancelled, 2);
});

Deno.test("a custom transport can spread a request into another, including the signal", async () => {
  using time = new FakeTime();
  const spread: TransportRequest[] = [];
  const { handle } = scene({
    p: (request) => {
      spread.push({ ...request, target: "/elsewhere" });
      return hang(request);
    },
    s: succeed,
  }, { timeout: 1 });
  const response = handle(new Request("http://h/"));
  await time.tickAsync(0);
  const [request] = spread;
  assertEquals([request?.method, request?.origin, request?.signal.aborted], ["GET", "http://p", false]);
  await time.tickAsync(1_000);
  assertEquals(request?.signal.aborted, true);
  assertEquals((await response).headers.get("x-conductor-service"), "s");
});

for (
  const [kind, body] of [["is streamed", new ReadableStream<Chunk>()], ["is buffered", new Uint8Array(3)]] as const
) {
  Deno.test(`an invalid response releases the client's permit if its body ${kind}`, async () => {
    let status = 700;
    const relayed: number[] = [];
    const handle = conductor({ limits: { maxInFlight: 1 }, services: [{ name: "p", url: "http://p" }] }, {
      transport: () => Promise.resolve({ ok: true, response: { status, headers: [], body } }),
      observe: (event) => void (event.type === "relayed" && relayed.push(event.responseBytes)),
    });
    await assertRejects(() => handle(new Request("http://h/")), RangeError);
    assertEquals(relayed, [0]);
    status = 204;
    assertEquals((await handle(new Request("http://h/"))).status, 204);
  });
}
