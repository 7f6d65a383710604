/** Memory of an exchange while a service has not responded: neither its body nor its headers are kept. */

import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async/deadline";
import type { ConfigInput, Transport, TransportRequest } from "@zeek/conductor";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { SharedBody } from "../../src/body/shared_body.ts";
import { http1Transport } from "../../src/upstream/http1/http1.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BODY = "x".repeat(20_000);
/** Maximum wait for a complete body. */
const MAX_WAIT_MS = 5_000;

interface Scene {
  readonly handle: Handler;
  /** Requests by origin, as the transport received them. */
  readonly requests: Map<string, TransportRequest>;
}

interface SceneOptions {
  readonly detachBuffers?: boolean;
  /** Delays each request before it is sent. */
  before?(origin: string): Promise<void>;
}

/** Creates a handler over real sockets, like that of the command line, and records its requests. */
function scene(services: ConfigInput["services"], { detachBuffers = true, before }: SceneOptions = {}): Scene {
  const requests = new Map<string, TransportRequest>();
  const overSockets = http1Transport({ detachBuffers });
  const transport: Transport = async (request) => {
    requests.set(request.origin, request);
    await before?.(request.origin);
    return await overSockets(request);
  };
  const { config } = validateConfig({ wait: "primary", services });
  return { handle: createHandler(config, { transport, detachBuffers }), requests };
}

async function post(handle: Handler): Promise<string> {
  const headers = { "content-length": `${BODY.length}`, "x-long": "y".repeat(1_000) };
  return await (await handle(new Request("http://h/", { method: "POST", body: BODY, headers }))).text();
}

function bytesHeld(request: TransportRequest | undefined): number {
  assert(request?.body instanceof Uint8Array);
  return request.body.length;
}

Deno.test("SharedBody releases its memory when it is closed and all references are released", () => {
  const bytes = new Uint8Array(10_000);
  const body = new SharedBody(bytes, true);
  assertEquals(body.acquire(), bytes);
  body.acquire();
  body.release();
  body.close();
  assertEquals(bytes.length, 10_000);
  body.release();
  assertEquals([bytes.length, body.length], [0, 10_000]);
});

Deno.test("SharedBody without detachBuffer keeps its memory", () => {
  const bytes = new Uint8Array(10_000);
  const body = new SharedBody(bytes, false);
  body.acquire();
  body.release();
  body.close();
  assertEquals(bytes.length, 10_000);
});

Deno.test("a secondary that has not responded keeps neither the body that it was sent nor the headers", async () => {
  const received = Promise.withResolvers<string>();
  const mayRespond = Promise.withResolvers<void>();
  const responded = Promise.withResolvers<void>();
  await using primary = await startSocketBackend((_, { write }) => write(OK));
  await using late = await startSocketBackend(async ({ body }, { write }) => {
    received.resolve(body);
    await mayRespond.promise;
    await write(OK);
    responded.resolve();
  });
  const { handle, requests } = scene([{ name: "p", url: primary.url, primary: true }, { name: "s", url: late.url }]);
  assertEquals(await post(handle), "ok");
  assertEquals(await deadline(received.promise, MAX_WAIT_MS), BODY);
  for (let turn = 0; turn < 100 && bytesHeld(requests.get(late.url)) > 0; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals([bytesHeld(requests.get(late.url)), bytesHeld(requests.get(primary.url))], [0, 0]);
  assertEquals(requests.get(late.url)?.headers, []);
  mayRespond.resolve();
  await responded.promise;
});

Deno.test("a body is kept until every service has been sent it, even after the response to the client", async () => {
  const received = Promise.withResolvers<string>();
  await using primary = await startSocketBackend((_, { write }) => write(OK));
  await using late = await startSocketBackend(async ({ body }, { write }) => {
    await write(OK);
    received.resolve(body);
  });
  const turn = Promise.withResolvers<void>();
  const services = [{ name: "p", url: primary.url, primary: true }, { name: "s", url: late.url }];
  const { handle } = scene(services, { before: (origin) => origin === late.url ? turn.promise : Promise.resolve() });
  assertEquals(await post(handle), "ok");
  turn.resolve();
  assertEquals(await deadline(received.promise, MAX_WAIT_MS), BODY);
});

Deno.test("a handler without detachBuffers keeps the bodies", async () => {
  await using backend = await startSocketBackend((_, { write }) => write(OK));
  const { handle, requests } = scene([{ name: "p", url: backend.url }], { detachBuffers: false });
  assertEquals(await post(handle), "ok");
  assertEquals(bytesHeld(requests.get(backend.url)), BODY.length);
});

Deno.test("a request that is repeated over a new connection has all its headers", async () => {
  const heads: string[] = [];
  await using backend = await startSocketBackend(async ({ head, ordinal }, { write, reset }) => {
    heads.push(head);
    if (ordinal === 1) await write(OK);
    else reset();
  });
  const { handle } = scene([{ name: "p", url: backend.url }]);
  const send = async (value: string) => {
    const headers = { "x-value": value, "x-request-id": "0123456789" };
    return await (await handle(new Request("http://h/path?query", { headers }))).text();
  };
  assertEquals([await send("one"), await send("two")], ["ok", "ok"]);
  assertEquals(heads.length, 3);
  assert(heads[1]!.includes("x-value: two"));
  assertEquals(heads[2], heads[1]);
});
