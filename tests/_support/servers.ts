/** Real servers on loopback for tests: backends that record what they got, and conductor in front of them. */

import { conductor, type ConductorEvent, type ConductorOptions, type ConfigInput } from "@zeek/conductor";
import { BrokenResponseError } from "../../src/upstream/response_body.ts";
import { freePort } from "./free_port.ts";

/** A request as a backend saw it. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A server that is stopped by `await using`. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** A backend and what it has received. */
export interface Backend extends TestServer {
  readonly seen: Seen[];
  /** Resolves when this many requests have been received. */
  received(count: number): Promise<void>;
}

/** Starts a backend that answers with `respond`, or with 200 and its name. */
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

/** Conductor in front of backends, and the events of what happened. */
export interface Front extends TestServer {
  readonly events: ConductorEvent[];
  /** Resolves with the first event that fits, past or to come. */
  event(fits: (event: ConductorEvent) => boolean): Promise<ConductorEvent>;
}

/** Serves conductor on a free port. */
export function startConductor(config: ConfigInput, options: ConductorOptions = {}): Front {
  const events: ConductorEvent[] = [];
  let changed = Promise.withResolvers<void>();
  const handle = conductor(config, {
    ...options,
    observe(event) {
      events.push(event);
      changed.resolve();
      changed = Promise.withResolvers();
    },
  });
  let defaultAuthority = "";
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {}, onError },
    (request, { remoteAddr, completed }) => {
      return handle(request, { remoteAddr, defaultAuthority, completed });
    },
  );
  defaultAuthority = `localhost:${server.addr.port}`;
  return {
    ...listening(server),
    events,
    async event(fits) {
      for (;;) {
        const found = events.find(fits);
        if (found !== undefined) return found;
        await changed.promise;
      }
    },
  };
}

/** A response that is cut on purpose is no news. */
function onError(error: unknown): Response {
  if (!(error instanceof BrokenResponseError)) console.error(error);
  return new Response(null, { status: 500 });
}

function listening(server: Deno.HttpServer<Deno.NetAddr>): TestServer {
  const { port } = server.addr;
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A URL on loopback where nothing listens. */
export function refusingUrl(): string {
  return `http://127.0.0.1:${freePort()}`;
}

/** A backend spoken to in raw bytes: each connection is handed to `talk`. */
export function startRawBackend(talk: (connection: Deno.Conn) => Promise<void>): TestServer {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const open = new Set<Deno.Conn>();
  const serving = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      talk(connection).catch(() => {}).finally(() => close(connection));
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

/** Reads from a connection until the text contains `mark` (a head's end by default) or the other side closes. */
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

/** Sends raw bytes to a server and returns what it answers until it closes the connection. */
export async function exchangeRaw(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(request));
  return await readUntil(connection, "\0never\0");
}

/** Waits until nothing listens any more. The listener's backlog may still take a connection or two, which nobody will read from. */
export async function untilRefused(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const giveUpMs = performance.now() + 20_000;
  while (performance.now() < giveUpMs) {
    try {
      (await Deno.connect({ hostname, port: Number(port) })).close();
    } catch {
      return;
    }
  }
  throw new Error(`Something still listens at ${url}`);
}
