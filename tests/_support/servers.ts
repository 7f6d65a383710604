/** Real servers on loopback for tests: backends that record requests, and conductor in front of them. */

import { conductor, type ConductorEvent, type ConductorOptions, type ConfigInput } from "@zeek/conductor";
import type { ServerTls } from "../../src/config/config.ts";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createProxyHandler } from "../../src/proxy/handler.ts";
import { openNodeListener } from "../../src/server/node_listener.ts";
import { BrokenResponseError } from "../../src/upstream/response_body.ts";
import { freePort } from "./ports.ts";

/** A request that a backend has received. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A server that `await using` stops. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** A backend and the requests it has received. */
export interface Backend extends TestServer {
  readonly seen: Seen[];
  /** Resolves when the backend has received this many requests. */
  received(count: number): Promise<void>;
}

/** Starts a backend that responds with `respond`. Default: 200 with the body `ok`. */
export function startBackend(
  respond: (request: Request, body: string) => Response | Promise<Response> = () => new Response("ok"),
): Backend {
  const seen: Seen[] = [];
  let changed = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const body = await request.text().catch((error) => `broken: ${error}`);
    const { method, headers, url } = request;
    seen.push({ method, headers, body, target: url.slice(url.indexOf("/", "http://".length)) });
    changed.resolve();
    changed = Promise.withResolvers();
    return await respond(request, body);
  });
  return {
    ...listening(server),
    seen,
    async received(count) {
      while (seen.length < count) await changed.promise;
    },
  };
}

/** Conductor in front of backends, with its events. */
export interface Front extends TestServer {
  readonly events: ConductorEvent[];
  /** Resolves with the first matching event, past or future. */
  event(matches: (event: ConductorEvent) => boolean): Promise<ConductorEvent>;
}

/** Listeners that conductor can serve with. */
export const LISTENERS: readonly ListenerKind[] = ["deno", "node"];

/** Serves conductor on a free port, with one of its listeners. Only the node listener uses the certificate. */
export async function startListening(
  kind: ListenerKind,
  config: ConfigInput,
  options: ConductorOptions = {},
  tls?: ServerTls,
): Promise<Front> {
  if (kind === "deno") return startConductor(config, options);
  const { observe, ...events } = recordEvents();
  const checked = validateConfig(config, undefined, { embedding: "conductor" }).config;
  const urgent = new AbortController();
  const listener = await openNodeListener(createProxyHandler(checked, { ...options, observe }), {
    hostname: "127.0.0.1",
    port: 0,
    tls,
    reusePort: false,
    settings: () => checked,
    onError,
    onRefused: () => {},
    urgent: urgent.signal,
  });
  const { port } = listener.addr;
  return {
    ...events,
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      urgent.abort();
      await listener.close({ uploadTimeoutMs: 0, onClosed: () => Promise.resolve() });
      await listener.finished;
    },
  };
}

/** Serves conductor on a free port, with `Deno.serve`. */
export function startConductor(config: ConfigInput, options: ConductorOptions = {}): Front {
  const { observe, ...events } = recordEvents();
  const handle = conductor(config, { ...options, observe });
  let defaultAuthority = "";
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {}, onError },
    (request, { remoteAddr, completed }) => {
      return handle(request, { remoteAddr, defaultAuthority, completed });
    },
  );
  defaultAuthority = `localhost:${server.addr.port}`;
  return { ...listening(server), ...events };
}

function recordEvents(): Pick<Front, "events" | "event"> & { observe(event: ConductorEvent): void } {
  const events: ConductorEvent[] = [];
  let changed = Promise.withResolvers<void>();
  return {
    events,
    observe(event) {
      events.push(event);
      changed.resolve();
      changed = Promise.withResolvers();
    },
    async event(matches) {
      for (;;) {
        const found = events.find(matches);
        if (found !== undefined) return found;
        await changed.promise;
      }
    },
  };
}

/** Deliberately truncated responses are not logged. */
function onError(error: unknown): Response {
  if (!(error instanceof BrokenResponseError)) console.error(error);
  return new Response(null, { status: 500 });
}

function listening(server: Deno.HttpServer<Deno.NetAddr>): TestServer {
  const { port } = server.addr;
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Returns a URL on loopback that refuses connections. */
export function refusingUrl(): string {
  return `http://127.0.0.1:${freePort()}`;
}

/** Starts a backend that passes each connection to `serve`. */
export function startRawBackend(serve: (connection: Deno.Conn) => Promise<void>): TestServer {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const open = new Set<Deno.Conn>();
  const serving = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      serve(connection).catch(() => {}).finally(() => close(connection));
    }
  })().catch(() => {});
  const close = (connection: Deno.Conn) => {
    if (!open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Already closed by the other side's reset.
    }
  };
  const { port } = listener.addr as Deno.NetAddr;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of [...open]) close(connection);
      await serving;
    },
  };
}

/** Reads from a connection until the text contains `mark` (by default the end of a head) or the other side closes. */
export async function readUntil(connection: Deno.Conn, mark = "\r\n\r\n"): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!text.includes(mark)) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/**
 * Sends raw bytes to a server and returns its response, read until the server closes the connection. With `halfClose`,
 * the client ends its sending side first.
 */
export async function exchangeRaw(port: number, request: string, { halfClose = false } = {}): Promise<string> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(request));
  if (halfClose) await connection.closeWrite();
  return await readUntil(connection, "\0never\0");
}

/**
 * Waits until the port refuses connections. After the listener has closed, its backlog may still accept some that are
 * never read.
 */
export async function untilRefused(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs) {
    try {
      (await Deno.connect({ hostname, port: Number(port) })).close();
    } catch {
      return;
    }
  }
  throw new Error(`Cannot wait for a refused connection: ${url} still accepts them`);
}

/** A backend that holds its responses until the test releases them. */
export interface SlowBackend extends AsyncDisposable {
  readonly url: string;
  /** Resolves when the backend has received this many requests. */
  received(count: number): Promise<void>;
  release(): void;
}

/** Starts a backend that responds with `finished` to all requests after `release()`. */
export function startSlowBackend(): SlowBackend {
  const released = Promise.withResolvers<void>();
  let count = 0;
  let changed = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    count++;
    changed.resolve();
    changed = Promise.withResolvers();
    await released.promise;
    return new Response("finished");
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    received: async (expected) => {
      while (count < expected) await changed.promise;
    },
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      released.resolve();
      await server.shutdown();
    },
  };
}
