/** What an exchange keeps while a service is still to answer: neither its body, nor its header lines. */

import { assert, assertEquals } from "@std/assert";
import type { ConfigInput, Transport, TransportRequest } from "@zeek/conductor";
import { createHandler, type Handler } from "../src/conductor.ts";
import { validateConfig } from "../src/config/validate.ts";
import { SharedBody } from "../src/exchange/shared_body.ts";
import { http1Transport } from "../src/upstream/http1/http1.ts";
import { startSocketBackend } from "./_support/socket_backend.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BODY = "x".repeat(20_000);

interface Scene {
  readonly handle: Handler;
  /** What the transport was given, by the authority. */
  readonly requests: Map<string, TransportRequest>;
}

/** A handler over real sockets, as the command line has it; what it sends can be looked at. */
function scene(services: ConfigInput["services"], reclaims = true): Scene {
  const requests = new Map<string, TransportRequest>();
  const overSockets = http1Transport({ reclaims });
  const transport: Transport = (request) => {
    requests.set(request.origin, request);
    return overSockets(request);
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
  assertEquals(body.lend(), bytes);
  body.lend();
  body.giveBack();
  body.close();
  assertEquals(bytes.length, 10_000);
  body.giveBack();
  assertEquals([bytes.length, body.length], [0, 10_000]);
});

Deno.test("SharedBody leaves its memory alone where somebody else may look at it", () => {
  const bytes = new Uint8Array(10_000);
  const body = new SharedBody(bytes, false);
  body.lend();
  body.giveBack();
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
  assertEquals(await asked.promise, BODY);
  for (let turn = 0; turn < 100 && bytesHeld(requests.get(late.url)) > 0; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals([bytesHeld(requests.get(late.url)), bytesHeld(requests.get(primary.url))], [0, 0]);
  assertEquals(requests.get(late.url)?.lines, []);
  answer.resolve();
  await answered.promise;
});

Deno.test("a body is kept as long as a service has not been sent all of it, whoever has answered", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using primary = await startSocketBackend((_, { write }) => write(OK));
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const { config } = validateConfig({
    wait: "primary",
    services: [{ name: "p", url: primary.url, primary: true }, { name: "s", url }],
  });
  const turn = Promise.withResolvers<void>();
  const overSockets = http1Transport({ reclaims: true });
  const transport: Transport = async (request) => {
    if (request.origin === url) await turn.promise;
    return await overSockets(request);
  };
  const handle = createHandler(config, { transport, reclaims: true });
  assertEquals(await post(handle), "ok");
  turn.resolve();
  using connection = await listener.accept();
  listener.close();
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!text.endsWith(BODY)) text += new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer))!));
  await connection.write(new TextEncoder().encode(OK));
  assertEquals(text.slice(text.indexOf("\r\n\r\n") + 4), BODY);
});

Deno.test("a handler that is not told that nobody looks leaves the bodies as they are", async () => {
  await using backend = await startSocketBackend((_, { write }) => write(OK));
  const { handle, requests } = scene([{ name: "p", url: backend.url }], false);
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
