/** The handler inside another program: requests, responses and callbacks that the program may get wrong. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  conductor,
  type ConductorEvent,
  type ConductorOptions,
  type ConfigInput,
  type Handler,
  type Transport,
} from "@zeek/conductor";
import { readUntil, startBackend, startRawBackend } from "../_support/servers.ts";

const URL_OF_REQUEST = "http://embedded.test/api";

/** Returns a handler for one service, and the events that it reports. */
function embed(
  url: string,
  { options, ...config }: Partial<ConfigInput> & { options?: ConductorOptions } = {},
): { handle: Handler; events: ConductorEvent[] } {
  const events: ConductorEvent[] = [];
  const handle = conductor(
    { timeout: "10s", ...config, services: [{ name: "v1", url, pathPrefix: "/api" }] },
    { observe: (event) => void events.push(event), ...options },
  );
  return { handle, events };
}

function post(body: unknown, init: RequestInit & { headers?: HeadersInit } = {}): Request {
  return new Request(URL_OF_REQUEST, { method: "POST", body: body as BodyInit, ...init });
}

/** Returns a stream of anything, as a program without types may create one. */
function streamOf(...chunks: unknown[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

/** Fails the test if a promise rejects without a handler, which would end the process. */
function noRejection(): AsyncDisposable {
  const rejections: unknown[] = [];
  const record = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    rejections.push(event.reason);
  };
  addEventListener("unhandledrejection", record);
  return {
    async [Symbol.asyncDispose]() {
      // Deno reports rejections after the microtasks.
      await new Promise((resolve) => setTimeout(resolve, 0));
      removeEventListener("unhandledrejection", record);
      assertEquals(rejections, []);
    },
  };
}

async function refused(response: Response): Promise<[status: number, text: string]> {
  return [response.status, await response.text()];
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A detached chunk, as after a transfer to a worker. */
function detached(): Uint8Array {
  const chunk = bytes("hello");
  chunk.buffer.transfer();
  return chunk;
}

for (
  const [name, chunk] of [
    ["a string", "hello"],
    ["an empty string", ""],
    ["an ArrayBuffer", bytes("hello").buffer],
    ["a SharedArrayBuffer", new SharedArrayBuffer(5)],
    ["a DataView", new DataView(bytes("hello").buffer)],
    ["a Uint16Array", new Uint16Array(5)],
    ["a Uint8ClampedArray", new Uint8ClampedArray(5)],
    ["a list", [104, 105]],
    ["a Blob", new Blob(["hello"])],
    ["a number", 5],
    ["null", null],
    ["undefined", undefined],
    ["an object like Uint8Array", { length: 5, byteLength: 5, buffer: new ArrayBuffer(5), byteOffset: 0 }],
    ["an object with the prototype of Uint8Array", Object.create(Uint8Array.prototype)],
    ["a detached chunk", detached()],
  ] as const
) {
  Deno.test(`a request body that yields ${name} is never a success`, async () => {
    await using backend = startBackend();
    const { handle } = embed(backend.url);
    for (const before of [[], [bytes("start, ")]]) {
      for (const headers of [{}, { "content-length": "12" }, { "content-length": "100000" }]) {
        const [status, text] = await refused(await handle(post(streamOf(...before, chunk), { headers })));
        assertEquals(status, 500, JSON.stringify([before, headers]));
        assertMatch(text, /request body must be a stream of Uint8Array chunks/);
      }
    }
    assert(backend.seen.every(({ body }) => body.startsWith("broken")), "a service got a complete request");
  });
}

class Bytes extends Uint8Array<ArrayBuffer> {
  static get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  override get length(): number {
    return 0;
  }

  override get [Symbol.toStringTag](): "Uint8Array" {
    return "Bytes" as "Uint8Array";
  }
}

function sharedBytes(size: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(size)).fill(97);
}

for (const size of [5, 5_000, 70_000]) {
  for (
    const [name, chunk] of [
      ["a subclass with other properties", new Bytes(bytes("a".repeat(size)).buffer)],
      ["shared memory", sharedBytes(size)],
      ["resizable memory", new Uint8Array(new ArrayBuffer(size, { maxByteLength: 2 * size })).fill(97)],
      ["a part of a larger buffer", new Uint8Array(3 * size).fill(97).subarray(size, 2 * size)],
    ] as const
  ) {
    Deno.test(`a request body of ${size} bytes in ${name} arrives whole`, async () => {
      await using backend = startBackend();
      const { handle } = embed(backend.url);
      for (const headers of [{}, { "content-length": String(size) }]) {
        const response = await handle(post(streamOf(chunk), { headers }));
        assertEquals([response.status, await response.text()], [200, "ok"]);
      }
      assertEquals(backend.seen.map(({ body }) => body), ["a".repeat(size), "a".repeat(size)]);
    });
  }
}

for (
  const [name, unusable] of [
    ["was read", async () => {
      const request = post("hello");
      await request.text();
      return request;
    }],
    ["was read as a stream", async () => {
      const request = post(streamOf(bytes("hello")));
      for await (const _ of request.body!);
      return request;
    }],
    ["was read in part", async () => {
      const request = post(streamOf(bytes("hello"), bytes("hello")));
      const reader = request.body!.getReader();
      await reader.read();
      reader.releaseLock();
      return request;
    }],
    ["was cancelled", async () => {
      const request = post(streamOf(bytes("hello")));
      await request.body!.cancel();
      return request;
    }],
    ["is being read", () => {
      const request = post(streamOf(bytes("hello")));
      request.body!.getReader();
      return request;
    }],
  ] as const
) {
  Deno.test(`a request whose body ${name} rejects with TypeError, as with fetch`, async () => {
    await using backend = startBackend();
    const { handle } = embed(backend.url, { limits: { maxInFlight: 1 } });
    const request = await unusable();
    const error = await assertRejects(() => handle(request), TypeError);
    assertMatch(error.message, /body has already been read/);
    assertEquals(backend.seen, []);
    assertEquals(await (await handle(new Request(URL_OF_REQUEST))).text(), "ok");
  });
}

for (
  const [name, body] of [
    ["has no reader", {
      getReader() {
        throw new Error("no reader");
      },
    }],
    ["returns no result", { getReader: () => ({ read: () => Promise.resolve(undefined) }) }],
    ["throws when it is cancelled", {
      getReader: () => ({
        read: () => Promise.reject(new Error("broken")),
        cancel() {
          throw new Error("no cancel");
        },
      }),
    }],
  ] as const
) {
  Deno.test(`a request with an object like a stream that ${name} gets 400`, async () => {
    await using _ = noRejection();
    await using backend = startBackend();
    const { handle } = embed(backend.url, { limits: { maxInFlight: 1 } });
    for (const length of [undefined, "5", "100000"]) {
      const headers = new Headers(length === undefined ? {} : { "content-length": length });
      assertEquals((await handle(like({ body, headers }))).status, 400);
    }
    assert(backend.seen.every(({ body }) => body.startsWith("broken")), "a service got a complete request");
  });
}

/** An object that a program passes as a request. */
function like(properties: Record<string, unknown>): Request {
  const headers = new Headers({ host: "embedded.test" });
  const { signal } = new AbortController();
  return { method: "POST", url: URL_OF_REQUEST, headers, signal, body: null, ...properties } as unknown as Request;
}

for (const method of ["GET", "POST"]) {
  for (const [name, properties] of [["undefined", { body: undefined }], ["null", { body: null }]] as const) {
    Deno.test(`an object like a request with the body ${name} is a ${method} without a body`, async () => {
      await using backend = startBackend();
      const { handle } = embed(backend.url);
      assertEquals(await refused(await handle(like({ method, ...properties }))), [200, "ok"]);
      assertEquals(backend.seen.map(({ method, body }) => [method, body]), [[method, ""]]);
    });
  }
}

for (
  const [name, body] of [
    ["a string", "hello"],
    ["an empty string", ""],
    ["bytes", bytes("hello")],
    ["a Blob", new Blob(["hello"])],
    ["an iterator", [bytes("hello")].values()],
    ["a number", 0],
  ] as const
) {
  Deno.test(`an object like a request whose body is ${name} rejects with TypeError`, async () => {
    await using backend = startBackend();
    const { handle } = embed(backend.url, { limits: { maxInFlight: 1 } });
    const error = await assertRejects(() => handle(like({ body })), TypeError);
    assertMatch(error.message, /body must be a ReadableStream/);
    assertEquals(backend.seen, []);
    assertEquals(await (await handle(new Request(URL_OF_REQUEST))).text(), "ok");
  });
}

for (
  const [name, value] of [
    ["nothing", undefined],
    ["null", null],
    ["an object without headers", { url: URL_OF_REQUEST, method: "GET" }],
    ["an object whose url throws", {
      get url() {
        throw new Error("no url");
      },
    }],
  ] as const
) {
  Deno.test(`a call with ${name} rejects, and does not throw`, async () => {
    const { handle } = embed("http://127.0.0.1:1");
    await handle(value as unknown as Request).then(() => assert(false), (error) => assert(error instanceof Error));
  });
}

for (
  const [name, signal] of [
    ["undefined", undefined],
    ["null", null],
    ["an object without listeners", { aborted: false }],
    ["a getter that throws", "throws"],
  ] as const
) {
  Deno.test(`a request whose signal is ${name} is sent`, async () => {
    // The delay makes the handler watch the client in every case.
    await using backend = startBackend(() => new Promise((resolve) => setTimeout(resolve, 120, new Response("ok"))));
    const { handle } = embed(backend.url);
    const request = like({ signal });
    if (signal === "throws") {
      Object.defineProperty(request, "signal", {
        get() {
          throw new Error("no signal");
        },
      });
    }
    assertEquals(await refused(await handle(request)), [200, "ok"]);
    assertEquals(await refused(await handle(request, { completed: Promise.resolve() })), [200, "ok"]);
  });
}

Deno.test("a request whose signal is already aborted is not sent", async () => {
  await using backend = startBackend();
  const { handle, events } = embed(backend.url, { limits: { maxInFlight: 1 } });
  for (const init of [{}, { method: "POST", body: "hello" }, { method: "POST", body: streamOf(bytes("hello")) }]) {
    const response = await handle(new Request(URL_OF_REQUEST, { ...init, signal: AbortSignal.abort() }));
    assertEquals(response.status, 499);
  }
  assertEquals(backend.seen, []);
  assertEquals(events.filter(({ type }) => type === "attempted"), []);
  assertEquals(await (await handle(new Request(URL_OF_REQUEST))).text(), "ok");
});

Deno.test("a request that is aborted right after the call is not sent", async () => {
  await using backend = startBackend();
  const { handle } = embed(backend.url);
  for (const init of [{}, { method: "POST", body: "hello" }, { method: "POST", body: streamOf(bytes("hello")) }]) {
    const controller = new AbortController();
    const response = handle(new Request(URL_OF_REQUEST, { ...init, signal: controller.signal }));
    controller.abort();
    assertEquals((await response).status, 499);
  }
  assertEquals(backend.seen, []);
});

for (const headers of [{}, { "content-length": "10" }, { "content-length": "100000" }]) {
  const name = JSON.stringify(headers);
  Deno.test(`a request that is aborted while its body arrives ends at once, and its body is cancelled ${name}`, async () => {
    await using backend = startBackend();
    const { handle } = embed(backend.url, { limits: { maxInFlight: 1, maxUploads: 1 } });
    const controller = new AbortController();
    const cancelled = Promise.withResolvers<void>();
    const reading = Promise.withResolvers<void>();
    const body = new ReadableStream({
      pull: () => reading.resolve(),
      cancel: () => cancelled.resolve(),
    }, { highWaterMark: 0 });
    const response = handle(post(body, { headers, signal: controller.signal }));
    await reading.promise;
    controller.abort();
    assertEquals((await response).status, 499);
    await cancelled.promise;
    assertEquals(await (await handle(post("hello"))).text(), "ok");
  });
}

for (const headers of [{}, { "content-length": "100000" }]) {
  const name = JSON.stringify(headers);
  Deno.test(`an upload that the program aborts never looks complete, to the primary or a shadow ${name}`, async () => {
    const texts: Promise<string>[] = [];
    const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using backend = startRawBackend(async (connection) => {
      const head = arrived[texts.length]!;
      const text = Promise.withResolvers<string>();
      texts.push(text.promise);
      const start = await readUntil(connection, "hello");
      head.resolve();
      text.resolve(start + await readUntil(connection, "\0never\0").catch(() => ""));
    });
    const handle = conductor({
      services: [{ name: "v1", url: backend.url, primary: true }, { name: "v2", url: backend.url, shadow: true }],
    });
    const controller = new AbortController();
    const body = new ReadableStream({ start: (stream) => stream.enqueue(bytes("hello")) });
    const response = handle(post(body, { headers, signal: controller.signal }));
    await Promise.all(arrived.map(({ promise }) => promise));
    controller.abort();
    assertEquals((await response).status, 499);
    for (const text of await Promise.all(texts)) assert(!text.endsWith("0\r\n\r\n"), text);
  });
}

Deno.test("a request that is aborted while its service works is aborted there at once", async () => {
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  await using backend = startRawBackend(async (connection) => {
    await readUntil(connection);
    arrived.resolve();
    await connection.read(new Uint8Array(1)).catch(() => null);
    closed.resolve();
  });
  const { handle } = embed(backend.url);
  const controller = new AbortController();
  const response = handle(new Request(URL_OF_REQUEST, { signal: controller.signal }));
  await arrived.promise;
  controller.abort();
  assertEquals((await response).status, 499);
  await closed.promise;
});

for (
  const [name, observe] of [
    ["throws", () => {
      throw new Error("observer");
    }],
    ["rejects", () => Promise.reject(new Error("observer"))],
    ["rejects later", async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      throw new Error("observer");
    }],
    ["returns an object that is like a promise and throws", () => ({
      then() {
        throw new Error("observer");
      },
    })],
    ["returns an object whose then throws", () => ({
      get then() {
        throw new Error("observer");
      },
    })],
  ] as const
) {
  for (const enabled of [true, false]) {
    Deno.test(`an observer that ${name} has no effect, with metrics ${enabled}`, async () => {
      await using _ = noRejection();
      await using backend = startBackend();
      const { handle } = embed(backend.url, { options: { observe }, metrics: { enabled } });
      assertEquals(await refused(await handle(new Request(URL_OF_REQUEST))), [200, "ok"]);
      assertEquals((await handle(new Request("http://embedded.test/none"))).status, 404);
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
  }
}

for (
  const [name, result] of [
    ["undefined", undefined],
    ["null", null],
    ["a string", "200"],
    ["an empty object", {}],
    ["a success without a response", { ok: true }],
    ["an unknown kind of failure", { ok: false, kind: "unknown" }],
    ["a Response", new Response("hello")],
    ["a getter that throws", throwing("ok")],
    ["a response without header lines", { ok: true, response: { status: 200, body: null } }],
    ["a response without a body", { ok: true, response: { status: 200, headers: [] } }],
    ["a locked body", { ok: true, response: { status: 200, headers: [], body: lockedStream() } }],
    ["a small locked body", {
      ok: true,
      response: { status: 200, headers: [["content-length", "5"]], body: lockedStream() },
    }],
    ["a small body of strings", {
      ok: true,
      response: { status: 200, headers: [["content-length", "5"]], body: streamOf("hello") },
    }],
  ] as const
) {
  Deno.test(`a transport that returns ${name} fails the attempt as protocol at once`, async () => {
    await using _ = noRejection();
    const transport = (() => Promise.resolve(result)) as unknown as Transport;
    const { handle } = embed("http://service.test", { options: { transport }, limits: { maxInFlight: 1 } });
    const headers = { accept: "application/json" };
    for (let count = 0; count < 2; count++) {
      const [status, text] = await refused(await handle(new Request(URL_OF_REQUEST, { headers })));
      assertEquals([status, JSON.parse(text).services], [502, [{
        service: "v1",
        role: "primary",
        failure: "protocol",
      }]]);
    }
  });
}

Deno.test("a large response body that yields strings is an error of the stream, and no permit is lost", async () => {
  const transport = (() =>
    Promise.resolve({
      ok: true,
      response: { status: 200, headers: [], body: streamOf("hello") },
    })) as unknown as Transport;
  const { handle } = embed("http://service.test", { options: { transport }, limits: { maxInFlight: 1 } });
  for (let count = 0; count < 2; count++) {
    const response = await handle(new Request(URL_OF_REQUEST));
    await assertRejects(() => response.text(), Error, "Cannot relay the complete response");
  }
});

function lockedStream(): ReadableStream {
  const stream = streamOf(bytes("hello"));
  stream.getReader();
  return stream;
}

function throwing(name: string): Record<string, unknown> {
  return Object.defineProperty({}, name, {
    get() {
      throw new Error(name);
    },
  });
}

for (
  const [name, info] of [
    ["null", null],
    ["a string", "127.0.0.1"],
    ["remoteAddr that throws", throwing("remoteAddr")],
    ["a host name that throws", { remoteAddr: throwing("hostname") }],
    ["a host name that is a number", { remoteAddr: { hostname: 1 } }],
    ["completed that throws", throwing("completed")],
    ["completed that is no promise", { completed: true }],
    ["completed whose then throws", { completed: throwing("then") }],
    ["completed that rejects", { completed: Promise.reject(new Error("gone")) }],
    ["scheme that throws", throwing("scheme")],
    ["a scheme that is a number", { scheme: 1 }],
    ["another scheme", { scheme: "x\r\ny: z" }],
    ["defaultAuthority that throws", throwing("defaultAuthority")],
  ] as const
) {
  if (typeof info === "object" && info !== null && "completed" in info) {
    Object.getOwnPropertyDescriptor(info, "completed")?.value?.catch?.(() => {});
  }
  Deno.test(`an info object with ${name} does not fail the request, and no permit is lost`, async () => {
    await using _ = noRejection();
    await using backend = startBackend();
    const { handle } = embed(backend.url, { limits: { maxInFlight: 1 } });
    for (let count = 0; count < 2; count++) {
      const response = await handle(new Request(URL_OF_REQUEST), info as Parameters<Handler>[1]);
      assertEquals(await refused(response), [200, "ok"]);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assertEquals(backend.seen.map(({ headers }) => headers.get("x-forwarded-proto")), ["http", "http"]);
  });
}

/** A service that sends the beginning of a long response, then waits until its connection is closed. */
function startHoldingBackend() {
  const closed: Promise<void>[] = [];
  const backend = startRawBackend(async (connection) => {
    const end = Promise.withResolvers<void>();
    closed.push(end.promise);
    await readUntil(connection);
    await connection.write(bytes("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nthe beginning"));
    await connection.read(new Uint8Array(1)).catch(() => null);
    end.resolve();
  });
  return { ...backend, closed };
}

for (
  const [name, drop] of [
    ["drops unread", () => {}],
    ["reads in part and drops", async ({ body }: Response) => void await body!.getReader().read()],
    ["clones and drops", (response: Response) => void response.clone()],
    [
      "clones, reads in part and drops",
      async (response: Response) => void await response.clone().body!.getReader().read(),
    ],
    ["passes on and drops", (response: Response) => void new Response(response.body, response)],
    ["locks and drops", ({ body }: Response) => void body!.getReader()],
    [
      "pipes into a stream that nothing reads",
      ({ body }: Response) => void body!.pipeThrough(new TransformStream()).getReader,
    ],
    ["cancels", ({ body }: Response) => body!.cancel()],
    ["cancels after a clone, in one branch only,", (response: Response) => {
      response.clone();
      response.body!.cancel();
    }],
  ] as const
) {
  Deno.test(`a response that the program ${name} returns permit and connection at the deadline`, async () => {
    await using backend = startHoldingBackend();
    const events: ConductorEvent[] = [];
    const relayed = Promise.withResolvers<void>();
    const handle = conductor({
      limits: { maxInFlight: 1 },
      services: [{ name: "v1", url: backend.url, pathPrefix: "/api", timeout: "1s" }],
    }, {
      observe(event) {
        events.push(event);
        if (event.type === "relayed") relayed.resolve();
      },
    });
    const response = await handle(new Request(URL_OF_REQUEST));
    assertEquals(response.status, 200);
    await drop(response);
    const full = await handle(new Request(URL_OF_REQUEST));
    const isFree = name === "cancels";
    assertEquals(full.status, isFree ? 200 : 503);
    await full.body?.cancel();
    await relayed.promise;
    await Promise.all(backend.closed);
    const next = await handle(new Request(URL_OF_REQUEST));
    assertEquals(next.status, 200);
    await next.body!.cancel();
    await Promise.all(backend.closed);
  });
}

Deno.test("a response that the program begins to read late is still complete before the deadline", async () => {
  await using backend = startBackend(() => new Response("a".repeat(1_000_000)));
  const { handle } = embed(backend.url);
  const response = await handle(new Request(URL_OF_REQUEST));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals((await response.text()).length, 1_000_000);
});
