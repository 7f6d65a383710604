/** What an exchange keeps while a service is still to answer: neither its body, nor its header lines. */

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
/** A body that does not come whole would be waited for. */
const PATIENCE_MS = 5_000;

interface Scene {
  readonly handle: Handler;
  /** What the transport was given, by the authority. */
  readonly requests: Map<string, TransportRequest>;
}

interface SceneOptions {
  readonly reclaims?: boolean;
  /** What each request waits for before it is sent. */
  before?(origin: string): Promise<void>;
}

/** A handler over real sockets, as the command line has it; what it sends can be looked at. */
function scene(services: ConfigInput["services"], { reclaims = true, before }: SceneOptions = {}): Scene {
  const requests = new Map<string, TransportRequest>();
  const overSockets = http1Transport({ reclaims });
  const transport: Transport = async (request) => {
    requests.set(request.origin, request);
    await before?.(request.origin);
    return await overSockets(request);
  };
  const { config } = validateConfig({ wait: "primary", services });
  return { handle: createHandler(config, { transport, reclaims }), requests };
}

async function post(handle: Handler): Promise<string> {
  const headers = { "content-length": `${BODY.length}`, "x-long": "y".repeat(1_000) };
  return await (await handle(new Request("http://h/", { method: "POST", body: BODY, headers }))).text();
}

function bytesHeld(request: TransportRequest | undefined): number {
  assert(request?.body instanceof Uint8Array);
  return request.body.length;
}

Deno.test("SharedBody gives its memory back when it is closed, and all that were lent it have been sent it", () => {
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

Deno.test("SharedBody leaves its memory alone where somebody else may look at it", () => {
  const bytes = new Uint8Array(10_000);
  const body = new SharedBody(bytes, false);
  body.acquire();
  body.release();
  body.close();
  assertEquals(bytes.length, 10_000);
});

Deno.test("a secondary that is still to answer keeps neither the body that it was sent, nor the header lines", async () => {
  const asked = Promise.withResolvers<string>();
  const answer = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  await using primary = await startSocketBackend((_, { write }) => write(OK));
  await using late = await startSocketBackend(async ({ body }, { write }) => {
    asked.resolve(body);
    await answer.promise;
    await write(OK);
    answered.resolve();
  });
  const { handle, requests } = scene([{ name: "p", url: primary.url, primary: true }, { name: "s", url: late.url }]);
  assertEquals(await post(handle), "ok");
  assertEquals(await deadline(asked.promise, PATIENCE_MS), BODY);
  for (let turn = 0; turn < 100 && bytesHeld(requests.get(late.url)) > 0; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals([bytesHeld(requests.get(late.url)), bytesHeld(requests.get(primary.url))], [0, 0]);
  assertEquals(requests.get(late.url)?.headers, []);
  answer.resolve();
  await answered.promise;
});

Deno.test("a body is kept as long as a service has not been sent it, whoever has answered", async () => {
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
  assertEquals(await deadline(received.promise, PATIENCE_MS), BODY);
});

Deno.test("a handler that is not told that nobody looks leaves the bodies as they are", async () => {
  await using backend = await startSocketBackend((_, { write }) => write(OK));
  const { handle, requests } = scene([{ name: "p", url: backend.url }], { reclaims: false });
  assertEquals(await post(handle), "ok");
  assertEquals(bytesHeld(requests.get(backend.url)), BODY.length);
});

Deno.test("what is sent again over a new connection has all its header lines", async () => {
  const heads: string[] = [];
  await using backend = await startSocketBackend(async ({ head, ordinal }, { write, reset }) => {
    heads.push(head);
    if (ordinal === 1) await write(OK);
    else reset();
  });
  const { handle } = scene([{ name: "p", url: backend.url }]);
  const ask = async (value: string) => {
    const headers = { "x-value": value, "x-request-id": "0123456789" };
    return await (await handle(new Request("http://h/path?query", { headers }))).text();
  };
  assertEquals([await ask("one"), await ask("two")], ["ok", "ok"]);
  assertEquals(heads.length, 3);
  assert(heads[1]!.includes("x-value: two"));
  assertEquals(heads[2], heads[1]);
});
