import { delay } from "@std/async/delay";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  conductor,
  type ConductorEvent,
  type ConfigInput,
  type ConnectionInfo,
  type Transport,
  type TransportResult,
} from "@zeek/conductor";

import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState } from "../../src/policy/shared_state.ts";
import { AsyncQueue } from "../../src/lib/async_queue.ts";
import { connectHttp2 } from "../_support/http2_flood.ts";
import { readUntil, refusingUrl, startBackend, startConductor, startRawBackend } from "../_support/servers.ts";

/** A transport whose results come from the test, in the order of the requests. */
interface Script {
  readonly transport: Transport;
  readonly sent: string[];
  /** Settles the next request, which may not have been sent yet. */
  respond(result: TransportResult): Promise<void>;
}

function scripted(): Script {
  const waiting = new AsyncQueue<(result: TransportResult) => void>();
  const sent: string[] = [];
  return {
    sent,
    transport: ({ origin, target }) => {
      sent.push(origin + target);
      const { promise, resolve } = Promise.withResolvers<TransportResult>();
      waiting.push(resolve);
      return promise;
    },
    respond: async (result) => (await waiting.next())(result),
  };
}

function ok(body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null = null): TransportResult {
  return { ok: true, response: { status: 200, headers: [], body } };
}

function one(limits: ConfigInput["limits"]): ConfigInput {
  return { limits: limits!, services: [{ name: "a", url: "http://a.test" }] };
}

function get(path = "/", headers: HeadersInit = {}): Request {
  return new Request(`http://h${path}`, { headers });
}

function from(hostname: string): ConnectionInfo {
  return { remoteAddr: { hostname } };
}

Deno.test("a request above maxInFlight gets 503, and no service receives it", async () => {
  const { transport, sent, respond } = scripted();
  const handle = conductor(one({ maxInFlight: 2 }), { transport });
  const admitted = [handle(get()), handle(get())];
  const refused = await handle(get("/", { accept: "application/json" }));
  assertEquals(refused.status, 503);
  assertEquals(refused.headers.get("retry-after"), "1");
  const { title, detail } = await refused.json();
  assertEquals([title, detail], ["Service Unavailable", "Too many requests are in flight"]);
  assertEquals(sent.length, 2);

  await respond(ok());
  assertEquals((await admitted[0]!).status, 200);
  const next = handle(get());
  await respond(ok());
  await respond(ok());
  assertEquals([(await next).status, (await admitted[1]!).status], [200, 200]);
});

Deno.test("a request is in flight until its response has been relayed completely", async () => {
  const { transport, respond } = scripted();
  const handle = conductor(one({ maxInFlight: 1 }), { transport });
  const first = handle(get());
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  await respond(ok(readable));
  const reading = (await first).text();
  assertEquals((await handle(get())).status, 503);
  await writable.close();
  await reading;
  const last = handle(get());
  await respond(ok());
  assertEquals((await last).status, 200);
});

/** Exchanges that fail in different ways. */
const BAD_ENDS: readonly (readonly [name: string, send: (url: string) => Promise<unknown>])[] = [
  ["no service responds", async (url) => await (await fetch(`${url}/refused`)).body?.cancel()],
  ["the body is too large", async (url) => {
    await (await fetch(`${url}/ok`, { method: "POST", body: "x".repeat(2_000) })).body?.cancel();
  }],
  ["the client disconnects before the response", async (url) => {
    await fetch(`${url}/hang`, { signal: AbortSignal.timeout(50) }).catch(() => {});
  }],
  ["the client disconnects in the middle of the response", async (url) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
    await connection.write(new TextEncoder().encode("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n"));
    await connection.read(new Uint8Array(10));
  }],
  ["the client ends its side of the connection before the response", async (url) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
    await connection.write(new TextEncoder().encode("GET /hang HTTP/1.1\r\nhost: a\r\n\r\n"));
    await connection.closeWrite();
    await connection.read(new Uint8Array(10));
  }],
  ["the client waits for 100 Continue and never sends the body", async (url) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
    const head = "POST /ok HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    await connection.write(new TextEncoder().encode(head));
    assertMatch(await readUntil(connection, "408 "), /408 /);
  }],
  ["the client resets its HTTP/2 streams", async (url) => {
    using client = await connectHttp2(url);
    await client.send({ method: "GET", path: "/hang", isReset: true }, 5);
    await client.send({ method: "POST", path: "/ok", isOpen: true, isReset: true }, 5);
  }],
  ["the service breaks off its response", async (url) => {
    await (await fetch(`${url}/broken`)).text().catch(() => {});
  }],
];

for (const [name, send] of BAD_ENDS) {
  Deno.test(`an exchange is no longer in flight after ${name}`, async () => {
    await using backend = startBackend((request) => {
      if (!request.url.endsWith("/endless")) return new Response("ok");
      return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) }));
    });
    await using hanging = startRawBackend(async (connection) => {
      while (await connection.read(new Uint8Array(1_000)) !== null);
    });
    await using breaking = startRawBackend(async (connection) => {
      await connection.read(new Uint8Array(1_000));
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhalf"));
    });
    await using front = startConductor({
      timeout: "500ms",
      maxBodySize: 1_000,
      limits: { maxInFlight: 1, maxInFlightPerClient: 1, maxConnectionsPerService: 1 },
      services: [
        { name: "ok", url: backend.url, pathPrefix: ["/ok", "/endless"] },
        { name: "refused", url: refusingUrl(), pathPrefix: "/refused" },
        { name: "hang", url: hanging.url, pathPrefix: "/hang" },
        { name: "broken", url: breaking.url, pathPrefix: "/broken" },
      ],
    });
    await send(front.url);
    // The server may notify the handler shortly after the client has seen the end.
    for (let count = 0;; count++) {
      const response = await fetch(`${front.url}/ok`);
      await response.body?.cancel();
      if (response.status === 200) break;
      assertEquals([response.status, count < 1_000], [503, true]);
    }
  });
}

/** A request whose body is sent by the test. */
function upload(): { readonly request: Request; end(error?: Error): void } {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (own) => void (controller = own) });
  return {
    request: new Request("http://h/", { method: "POST", body, headers: { "content-length": "5" } }),
    end(error) {
      if (error !== undefined) return controller.error(error);
      controller.enqueue(new Uint8Array(5));
      controller.close();
    },
  };
}

Deno.test("an upload above maxUploads gets 503 until another has arrived, and other requests do not", async () => {
  const { transport, sent, respond } = scripted();
  const handle = conductor(one({ maxInFlight: 10, maxUploads: 1 }), { transport });
  const first = upload();
  const admitted = handle(first.request);
  const refused = await handle(upload().request);
  const { status, detail } = await refused.json();
  assertEquals([status, detail], [503, "Too many uploads are in flight"]);
  const plain = handle(get());
  await respond(ok());
  assertEquals((await plain).status, 200);

  first.end();
  // The service has received the request, so the body has arrived. It has not responded yet.
  while (sent.length < 2) await new Promise((resolve) => setTimeout(resolve));
  const second = upload();
  const next = handle(second.request);
  second.end();
  await respond(ok());
  await respond(ok());
  assertEquals([(await admitted).status, (await next).status], [200, 200]);
});

Deno.test("the permit of an upload is free again when the body breaks off", async () => {
  const { transport, respond } = scripted();
  const handle = conductor(one({ maxUploads: 1 }), { transport });
  const broken = upload();
  const first = handle(broken.request);
  broken.end(new Error("broken off"));
  assertEquals((await first).status, 400);
  const whole = upload();
  const second = handle(whole.request);
  whole.end();
  await respond(ok());
  assertEquals((await second).status, 200);
});

Deno.test("each refusal by a limit is counted under one reason", async () => {
  const { transport, respond } = scripted();
  const events: ConductorEvent[] = [];
  const observe = (event: ConductorEvent) => void events.push(event);
  const instance = createSharedState();
  const make = (limits: ConfigInput["limits"]) =>
    createHandler(validateConfig(one(limits)).config, { instance, transport, observe });
  const held = upload();
  const first = make({})(held.request, from("192.0.2.1"));
  const refused = async (limits: ConfigInput["limits"], request: Request) => {
    const response = await make(limits)(request, from("192.0.2.1"));
    await response.body?.cancel();
    assertEquals(response.status, 503);
    const event = events.findLast(({ type }) => type === "responded");
    return event?.type === "responded" ? event.refusal : undefined;
  };
  assertEquals(await refused({ maxInFlight: 1 }, get()), "max-in-flight");
  assertEquals(await refused({ maxInFlight: 2 }, get()), "max-in-flight-per-client");
  assertEquals(await refused({ maxUploads: 1 }, upload().request), "max-uploads");
  assertEquals(await refused({ maxUploads: 2 }, upload().request), "max-uploads-per-client");
  held.end();
  await respond(ok());
  assertEquals((await first).status, 200);
  const last = events.findLast(({ type }) => type === "responded");
  assertEquals(last?.type === "responded" && last.refusal, undefined);
});

Deno.test("the fair share counts all IPv6 networks of one /48 together, and IPv4 addresses separately", async () => {
  const { transport } = scripted();
  const handle = conductor(one({ maxInFlight: 2 }), { transport });
  const status = async (client: string) => (await handle(get(), from(client))).status;
  void handle(get(), from("2001:db8:1:1::1"));
  assertEquals(await status("2001:db8:1:2::1"), 503);
  void handle(get(), from("2001:db8:2:2::1"));
  // All permits are taken by now.
  assertEquals(await status("192.0.2.1"), 503);
});

Deno.test("a request above maxInFlightPerClient gets 503, without an effect on other clients", async () => {
  const { transport, respond } = scripted();
  const handle = conductor({ ...one({ maxInFlightPerClient: 1 }), trustProxy: "10.0.0.0/8" }, { transport });
  const behindProxy = (client: string) => handle(get("/", { "x-forwarded-for": client }), from("10.0.0.1"));
  const admitted = [handle(get(), from("192.0.2.1"))];
  const refused = await handle(get("/", { accept: "text/plain" }), from("192.0.2.1"));
  assertStringIncludes(
    await refused.text(),
    "503 Service Unavailable: Too many requests of this client are in flight\n",
  );

  // Another client, clients behind a trusted proxy, and clients without an address.
  admitted.push(handle(get(), from("192.0.2.2")), behindProxy("192.0.2.3"), handle(get()), handle(get()));
  assertEquals((await behindProxy("192.0.2.2")).status, 503);
  for (let i = 0; i < 5; i++) await respond(ok());
  for (const response of admitted) assertEquals((await response).status, 200);
  const again = handle(get(), from("192.0.2.1"));
  await respond(ok());
  assertEquals((await again).status, 200);
});

Deno.test("an attempt above maxConnectionsPerService fails at once, until a response has been read", async () => {
  const events: ConductorEvent[] = [];
  const { transport, sent, respond } = scripted();
  const handle = conductor({
    limits: { maxConnectionsPerService: 1 },
    services: [{ name: "b", url: "http://b.test" }],
  }, { transport, observe: (event) => events.push(event) });
  const first = handle(get("/b"));
  // The only service of the route has no permit left, so nothing is sent.
  const refused = await handle(get("/b", { accept: "application/json" }));
  assertEquals(refused.status, 502);
  const { services } = await refused.json();
  assertEquals(services, [{ service: "b", role: "primary", failure: "queue-full" }]);
  assertEquals(sent, ["http://b.test/b"]);
  await respond(ok());
  assertEquals((await first).status, 200);

  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const streaming = handle(get("/b"));
  await respond(ok(readable));
  const reading = (await streaming).text();
  assertEquals((await handle(get("/b"))).status, 502);
  await writable.close();
  await reading;
  const last = handle(get("/b"));
  await respond(ok());
  assertEquals((await last).status, 200);
  const failures = events.filter((event) => event.type === "settled" && event.failure === "queue-full");
  assertEquals(failures.length, 2);
});

Deno.test("attempts above maxConnectionsPerService wait in the queue of maxQueuedPerService", async () => {
  const { transport, sent, respond } = scripted();
  const handle = conductor({
    limits: { maxConnectionsPerService: 1, maxQueuedPerService: 2 },
    services: [{ name: "b", url: "http://b.test" }],
  }, { transport });
  const admitted = ["/1", "/2", "/3"].map((path) => handle(get(path)));
  assertEquals((await handle(get("/4"))).status, 502);
  assertEquals(sent, ["http://b.test/1"]);
  await respond(ok());
  assertEquals((await admitted[0]!).status, 200);
  await respond(ok());
  await respond({ ok: false, kind: "refused" });
  assertEquals([(await admitted[1]!).status, (await admitted[2]!).status], [200, 502]);
  assertEquals(sent, ["http://b.test/1", "http://b.test/2", "http://b.test/3"]);
  const last = handle(get("/5"));
  await respond(ok());
  assertEquals((await last).status, 200);
});

Deno.test("an attempt that waits for its whole timeout fails, is not sent, and leaves the queue", async () => {
  using time = new FakeTime();
  const { transport, sent, respond } = scripted();
  const handle = conductor({
    limits: { maxConnectionsPerService: 1, maxQueuedPerService: 1 },
    services: [
      { name: "b", url: "http://b.test", pathPrefix: "/", timeout: "2s" },
    ],
  }, { transport, now: () => Date.now() });
  const first = handle(get("/1"));
  await time.tickAsync(1_000);
  const second = handle(get("/2", { accept: "application/json" }));
  await time.tickAsync(999);
  await respond(ok(new ReadableStream()));
  await first;
  await time.tickAsync(1_001);
  assertEquals((await (await second).json()).services[0].failure, "queue-timeout");
  assertEquals(sent, ["http://b.test/1"]);
  const third = handle(get("/3"));
  assertEquals((await handle(get("/4"))).status, 502);
  await (await first).body!.cancel();
  await respond(ok());
  assertEquals((await third).status, 200);
});

Deno.test("an unselected response is in flight until it has been drained", async () => {
  const { transport, respond } = scripted();
  const handle = conductor({
    limits: { maxConnectionsPerService: 1 },
    services: [{ name: "a", url: "http://a.test", primary: true }, { name: "b", url: "http://b.test" }],
  }, { transport });
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const first = handle(get());
  await respond(ok());
  await respond(ok(readable));
  assertEquals((await first).headers.get("x-conductor-service"), "a");

  const second = handle(get("/", { accept: "application/json" }));
  await respond({ ok: false, kind: "refused" });
  const { services } = await (await second).json();
  assertEquals(services.map(({ failure }: { failure: string }) => failure), ["refused", "queue-full"]);

  await writable.close();
  // The drain reads the end of the stream in the meantime.
  await delay(0);
  const third = handle(get());
  await respond({ ok: false, kind: "refused" });
  await respond(ok());
  assertEquals((await third).headers.get("x-conductor-service"), "b");
});

Deno.test("exchanges in flight count towards the new limits after a reload", async () => {
  const { transport, respond } = scripted();
  const instance = createSharedState();
  const make = (maxInFlight: number) =>
    createHandler(validateConfig(one({ maxInFlight })).config, { instance, transport });
  const first = make(5)(get());
  const reloaded = make(1);
  assertEquals((await reloaded(get())).status, 503);
  await respond(ok());
  await first;
  const next = reloaded(get());
  await respond(ok());
  assertEquals((await next).status, 200);
});

/** A body that is larger than the read-ahead, so that services receive it while it arrives. */
function largeUpload(): RequestInit {
  return { method: "POST", body: new Uint8Array(400_000) };
}

for (const [reason, url] of [["refuses connections", refusingUrl()], ["has no address", "http://a.invalid"]] as const) {
  Deno.test(`uploads to a service that ${reason} return their permits`, async () => {
    await using front = startConductor({
      limits: { maxInFlight: 1, maxInFlightPerClient: 1 },
      services: [{ name: "a", url }],
    });
    for (let count = 0; count < 3; count++) {
      const response = await fetch(front.url, largeUpload());
      await response.body?.cancel();
      assertEquals(response.status, 502);
    }
  });
}

Deno.test("an upload that waits in the queue until its timeout returns its permits", async () => {
  using time = new FakeTime();
  const { transport, sent, respond } = scripted();
  const handle = conductor({
    limits: { maxConnectionsPerService: 1, maxQueuedPerService: 1, maxUploads: 1 },
    services: [{ name: "a", url: "http://a.test", timeout: "1s" }],
  }, { transport, now: () => Date.now() });
  const first = handle(get("/1"));
  let interval: ReturnType<typeof setInterval> | undefined;
  const ticking = new ReadableStream({
    start: (controller) => void (interval = setInterval(() => controller.enqueue(new Uint8Array(1)), 400)),
  });
  await respond(ok(ticking));
  const reading = (await first).body!.pipeTo(new WritableStream()).catch(() => "aborted");
  for (let count = 0; count < 3; count++) {
    const queued = handle(new Request("http://h/2", largeUpload()));
    for (let step = 0; step < 11; step++) await time.tickAsync(100);
    assertEquals((await queued).status, 502);
  }
  assertEquals(sent, ["http://a.test/1"]);
  clearInterval(interval);
  await time.tickAsync(1_001);
  assertEquals(await reading, "aborted");
});

for (const end of ["throws", "rejects", "fails", "responds"] as const) {
  Deno.test(`an upload returns its permits if the transport ${end} without reading it`, async () => {
    const transport: Transport = () => {
      if (end === "throws") throw new Error("no transport");
      if (end === "rejects") return Promise.reject(new Error("no transport"));
      return Promise.resolve(end === "fails" ? { ok: false, kind: "refused" } : ok());
    };
    const handle = conductor(one({ maxUploads: 1 }), { transport });
    for (let count = 0; count < 3; count++) {
      const cancelled = Promise.withResolvers<void>();
      const body = new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
        cancel: () => cancelled.resolve(),
      });
      const { status } = await handle(new Request("http://h/", { method: "POST", body }));
      assertEquals(status, end === "responds" ? 200 : 502);
      await cancelled.promise;
    }
  });
}

Deno.test("a secondary gets all of an upload if the primary cannot be reached", async () => {
  await using backend = startBackend((_, body) => new Response(String(body.length)));
  await using front = startConductor({
    services: [{ name: "a", url: refusingUrl(), primary: true }, { name: "b", url: backend.url }],
  });
  const response = await fetch(front.url, largeUpload());
  assertEquals([response.status, await response.text()], [200, "400000"]);
});
