/**
 * Known traffic through a conductor in a process of its own. Clients and backends count and measure for themselves, and
 * {@linkcode truthOf} derives from that every number that conductor must show.
 */

import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../src/config/config.ts";
import { startWatched, type WatchedConductor } from "./cli_process.ts";
import { type Backend, readUntil, refusingUrl, startBackend, startRawBackend, type TestServer } from "./servers.ts";

/** Time that a slow backend takes. */
const SLOW_MS = 300;
const TIMEOUT_MS = 150;
/** Time that the machine may take to schedule a process. */
const SCHEDULING_MS = 500;
const REQUEST_BODY = "b".repeat(1_000);
const TOO_LARGE = "b".repeat(20_000);
const CUT_BYTES = 70_000;
/** Bytes of a frame with a text, masked by the client. */
const FRAME = new Uint8Array([0x81, 0x85, 1, 2, 3, 4, 105, 103, 111, 104, 110]);
const CLOSE_FRAME = new Uint8Array([0x88, 0x82, 0, 0, 0, 0, 3, 232]);
/** Bytes that the backend of a tunnel sends for each read. */
const ECHO = new Uint8Array([0x81, 2, 104, 105]);
const CLOSE_ECHO = new Uint8Array([0x88, 2, 3, 232]);

/** Result that a client saw. */
export interface ClientView {
  readonly path: string;
  readonly id: string;
  readonly method: string;
  /** Status; 499 if the client left. */
  readonly status: number;
  /** Service in the response; absent in a local reply. */
  readonly service: string | undefined;
  readonly sentBytes: number;
  readonly bodyBytes: number;
  /** Time since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
}

/** Bytes and durations of a tunnel that has ended. */
interface TunnelView {
  readonly id: string;
  readonly clientBytes: number;
  readonly serviceBytes: number;
  readonly durationMs: number;
}

/** Everything that clients saw. */
export interface Clients {
  readonly views: ClientView[];
  readonly tunnels: TunnelView[];
  /** Tunnels and requests that are still open. */
  openTunnels: number;
  held: number;
  /** Ends what is still open. */
  release(): Promise<void>;
}

/** Backends with the durations of their responses. */
export interface Scene extends AsyncDisposable {
  readonly conductor: WatchedConductor;
  readonly backends: Readonly<Record<string, Backend>>;
  /** Durations of the responses of each backend, without those of health checks. */
  readonly times: Readonly<Record<string, readonly number[]>>;
  /** Connections that a backend without HTTP has received. */
  readonly connections: Readonly<Record<string, number>>;
  readonly workers: number;
  releaseHeld(): void;
  /** Replaces the configuration file. */
  reload(kind: "valid" | "invalid"): Promise<void>;
}

const CHECK_PATH = "/check";

/** Starts the backends and conductor, and waits until the health checks have failed. */
export async function startScene(workers: number): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const backends: Record<string, Backend> = {};
  const times: Record<string, number[]> = {};
  const connections: Record<string, number> = {};
  const held = Promise.withResolvers<void>();
  const backend = (name: string, respond: () => Response | Promise<Response> = () => new Response("ok")): string => {
    const own: number[] = times[name] = [];
    const started = backends[name] = stack.use(startBackend(async (request) => {
      const startMs = performance.now();
      const response = await respond();
      if (!request.url.endsWith(CHECK_PATH)) own.push(performance.now() - startMs);
      return response;
    }));
    return started.url;
  };
  const raw = (name: string, serve: (connection: Deno.Conn) => Promise<void>): string => {
    connections[name] = 0;
    return stack.use(startRawBackend(async (connection) => {
      await readUntil(connection);
      connections[name]!++;
      await serve(connection);
    })).url;
  };
  const after = (ms: number, status = 200) => async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return new Response("slow", { status });
  };
  const text = (body: string, init?: ResponseInit) => () => new Response(body, init);
  const json = (value: object) => () => Response.json(value);
  const write = (connection: Deno.Conn, head: string) => connection.write(new TextEncoder().encode(head));
  const services = [
    { name: "blue", url: backend("blue", json({ version: "one" })), pathPrefix: "/api", primary: true },
    { name: "green", url: backend("green"), pathPrefix: "/api", compare: false },
    {
      name: "canary",
      url: backend("canary", json({ version: "two" })),
      pathPrefix: "/api",
      shadow: true,
      methods: "GET",
    },
    { name: "unsampled", url: backend("unsampled"), pathPrefix: "/api", shadow: true, sample: 0, compare: false },
    { name: "same", url: backend("same", json({ version: "one" })), pathPrefix: "/same", primary: true },
    { name: "twin", url: backend("twin", json({ version: "one" })), pathPrefix: "/same", shadow: true },
    { name: "plain", url: backend("plain", json({ version: "one" })), pathPrefix: "/odd", primary: true },
    {
      name: "garbled",
      url: backend(
        "garbled",
        text("encoded", { headers: { "content-encoding": "unknown", "content-type": "application/json" } }),
      ),
      pathPrefix: "/odd",
      shadow: true,
    },
    { name: "lone", url: backend("lone"), pathPrefix: "/lone", primary: true },
    { name: "absent", url: refusingUrl(), pathPrefix: "/lone", shadow: true },
    { name: "slow", url: backend("slow", after(SLOW_MS)), pathPrefix: "/slow", primary: true },
    { name: "left", url: backend("left", after(2 * SLOW_MS)), pathPrefix: "/left", primary: true },
    { name: "down", url: refusingUrl(), pathPrefix: "/down", primary: true },
    { name: "backup", url: backend("backup"), pathPrefix: "/down", compare: false },
    {
      name: "hung",
      url: backend("hung", after(2 * TIMEOUT_MS)),
      pathPrefix: "/hung",
      primary: true,
      timeout: `${TIMEOUT_MS}ms`,
    },
    { name: "gone", url: raw("gone", () => Promise.resolve()), pathPrefix: "/gone", primary: true },
    {
      name: "noise",
      url: raw("noise", async (connection) => void await write(connection, "no HTTP at all\r\n\r\n")),
      pathPrefix: "/noise",
      primary: true,
    },
    { name: "locked", url: backend("locked").replace("http:", "https:"), pathPrefix: "/locked", primary: true },
    { name: "broken", url: backend("broken", text("broken", { status: 500 })), pathPrefix: "/broken", primary: true },
    {
      name: "open",
      url: backend("open", text("broken", { status: 503 })),
      pathPrefix: "/open",
      primary: true,
      breaker: { failures: 1, openFor: "60s" },
    },
    {
      name: "sick",
      url: backend("sick", text("sick", { status: 500 })),
      pathPrefix: "/sick",
      primary: true,
      health: { path: CHECK_PATH, interval: "50ms", unhealthyAfter: 1 },
    },
    { name: "well", url: backend("well"), pathPrefix: "/sick", compare: false },
    { name: "late", url: backend("late", after(SLOW_MS)), pathPrefix: "/hedged", primary: true },
    {
      name: "hedge",
      url: backend("hedge"),
      pathPrefix: "/hedged",
      hedge: { after: "20ms", maxExtra: 1 },
      compare: false,
    },
    { name: "steady", url: backend("steady", after(SLOW_MS)), pathPrefix: "/raced", primary: true },
    {
      name: "quick",
      url: backend("quick"),
      pathPrefix: "/raced",
      primary: true,
      hedge: { after: "20ms", maxExtra: 1 },
    },
    {
      name: "cut",
      url: raw("cut", async (connection) => {
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${2 * CUT_BYTES}\r\n\r\n`;
        await write(connection, head + "x".repeat(CUT_BYTES));
      }),
      pathPrefix: "/cut",
      primary: true,
    },
    { name: "busy", url: backend("busy", after(SLOW_MS)), pathPrefix: "/crowd", primary: true },
    {
      name: "crowded",
      url: backend("crowded", after(SLOW_MS)),
      pathPrefix: "/crowd",
      shadow: true,
      maxInFlight: 1,
      compare: false,
    },
    { name: "sink", url: backend("sink"), pathPrefix: "/upload", primary: true },
    {
      name: "small",
      url: backend("small"),
      pathPrefix: "/upload",
      shadow: true,
      methods: ["GET", "POST"],
      maxBodySize: "100B",
      compare: false,
    },
    { name: "limited", url: backend("limited"), pathPrefix: "/upload", shadow: true, maxRate: 1, compare: false },
    {
      name: "echo",
      url: raw("echo", async (connection) => {
        const accept =
          "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        await write(connection, `HTTP/1.1 101 Switching Protocols\r\n${accept}\r\n\r\n`);
        const buffer = new Uint8Array(1_024);
        for (;;) {
          const count = await connection.read(buffer);
          if (count === null) return;
          const isClose = buffer[0] === CLOSE_FRAME[0];
          await connection.write(isClose ? CLOSE_ECHO : ECHO);
          if (isClose) return;
        }
      }),
      pathPrefix: "/socket",
      primary: true,
      upgrade: "websocket",
    },
    {
      name: "keeper",
      url: backend("keeper", async () => {
        await held.promise;
        return new Response("held");
      }),
      pathPrefix: "/held",
      primary: true,
    },
  ];
  const more = {
    compare: { noise: "replay", noiseSample: "50%" },
    // At info, repeated failures are folded.
    logging: workers === 1 ? { level: "debug" } : { level: "info", access: "json" },
    maxBodySize: "10kB",
    limits: { maxInFlightPerClient: 8, maxTunnels: 1 },
  };
  const args = workers === 1 ? [] : ["--workers", String(workers)];
  const conductor = stack.use(await startWatched(services, more, args));
  stack.defer(() => held.resolve());
  const file = fileOf(conductor);
  const config = JSON.parse(await Deno.readTextFile(file));
  await eventually(async () => {
    const { metrics } = await (await fetch(`${conductor.adminUrl}api/state`)).json();
    return metrics.states.find(({ service }: { service: string }) => service === "sick").health === "unhealthy";
  });
  const kept = stack.move();
  return {
    conductor,
    backends,
    times,
    connections,
    workers,
    releaseHeld: () => held.resolve(),
    reload: async (kind) => {
      const changed = kind === "valid" ? { ...config, shutdownTimeout: "20s" } : { ...config, unknownField: true };
      await Deno.writeTextFile(file, JSON.stringify(changed));
      const lines = () => conductor.process.stdout.text + conductor.process.stderr.text;
      const before = lines().length;
      conductor.process.kill("SIGHUP");
      await eventually(() => Promise.resolve(/reload/.test(lines().slice(before))));
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function fileOf({ process }: WatchedConductor): string {
  const line = (process.stdout.text + process.stderr.text).split("\n").find((line) => line.includes('"listening"'));
  return JSON.parse(line!).file;
}

/** Waits until a condition of another process holds, whose changes cannot be observed. */
export async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 15_000; performance.now() < endMs;) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Cannot wait longer for ${isTrue}`);
}

/** Sends the traffic. Each request has a connection of its own, so that all workers get some. */
export async function sendTraffic(scene: Scene): Promise<Clients> {
  const { conductor, backends } = scene;
  const port = Number(new URL(conductor.url).port);
  const views: ClientView[] = [];
  const tunnels: TunnelView[] = [];
  let sent = 0;

  async function exchange(path: string, { method = "GET", body = "", leave }: Partial<Sending> = {}) {
    const id = `${path.slice(1)}-${++sent}`;
    const startMs = Date.now();
    const startedMs = performance.now();
    const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
    const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: ${id}\r\n${length}\r\n`;
    using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    await connection.write(new TextEncoder().encode(head + body));
    const base = { path, id, method, startMs };
    if (leave !== undefined) {
      await leave;
      views.push({
        ...base,
        status: 499,
        service: undefined,
        sentBytes: 0,
        bodyBytes: 0,
        // conductor is told of the end of the connection later.
        durationMs: performance.now() - startedMs + SCHEDULING_MS,
      });
      return;
    }
    const response = await readUntil(connection, "\0never\0");
    const end = response.indexOf("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(response)?.[1]);
    const service = /^x-conductor-service: (\S+)/im.exec(response.slice(0, end))?.[1];
    const durationMs = performance.now() - startedMs;
    const sentBytes = status === 413 ? 0 : body.length;
    views.push({ ...base, status, service, sentBytes, bodyBytes: response.length - end - 4, durationMs });
  }

  async function times(count: number, path: string, sending?: Partial<Sending>): Promise<void> {
    for (let nth = 0; nth < count; nth++) await exchange(path, sending);
  }

  /** Opens a tunnel, and returns the function that ends it; `undefined` if it is refused. */
  async function openTunnel(): Promise<(() => Promise<void>) | undefined> {
    const id = `socket-${++sent}`;
    const startMs = Date.now();
    const startedMs = performance.now();
    const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13";
    const head = `GET /socket HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n${upgrade}\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    const response = await readUntil(connection);
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(response)?.[1]);
    const service = /^x-conductor-service: (\S+)/im.exec(response)?.[1];
    const base = { path: "/socket", id, method: "GET", startMs, status, service, sentBytes: 0 };
    if (status !== 101) {
      const length = Number(/^content-length: (\d+)/im.exec(response)?.[1]);
      const bodyBytes = response.length - response.indexOf("\r\n\r\n") - 4;
      await readExactly(connection, length - bodyBytes);
      views.push({ ...base, bodyBytes: length, durationMs: performance.now() - startedMs });
      return void connection.close();
    }
    views.push({ ...base, bodyBytes: 0, durationMs: performance.now() - startedMs });
    return async () => {
      await connection.write(FRAME);
      await readExactly(connection, ECHO.length);
      await connection.write(CLOSE_FRAME);
      await readExactly(connection, CLOSE_ECHO.length);
      connection.close();
      tunnels.push({
        id,
        clientBytes: FRAME.length + CLOSE_FRAME.length,
        serviceBytes: ECHO.length + CLOSE_ECHO.length,
        // conductor is told of the end of the connection later.
        durationMs: performance.now() - startedMs + SCHEDULING_MS,
      });
    };
  }

  await times(20, "/api");
  await times(5, "/api", { method: "POST", body: REQUEST_BODY });
  await scene.reload("valid");
  await times(8, "/same");
  await times(3, "/odd");
  await times(3, "/lone");
  await Promise.all(Array.from({ length: 4 }, () => exchange("/slow")));
  for (let nth = 1; nth <= 2; nth++) await exchange("/left", { leave: backends["left"]!.received(nth) });
  await times(6, "/down");
  await times(2, "/hung");
  await times(2, "/gone");
  await times(2, "/noise");
  await times(2, "/locked");
  await times(3, "/broken");
  await times(9, "/open");
  await times(5, "/sick");
  await times(2, "/hedged");
  await times(2, "/raced");
  await times(2, "/cut");
  await times(3, "/upload", { method: "POST", body: REQUEST_BODY });
  await times(2, "/upload", { method: "POST", body: TOO_LARGE });
  await times(4, "/upload");
  await times(7, "/nowhere");
  await Promise.all(Array.from({ length: 24 }, () => exchange("/crowd")));
  await (await openTunnel())?.();
  // The end of the first tunnel may arrive after the request for the second.
  await eventually(async () => (await openTunnels(conductor)) === 0);
  const opened = [await openTunnel(), await openTunnel(), await openTunnel()];
  const open = opened.filter((end) => end !== undefined);
  const held = exchange("/held");
  await backends["keeper"]!.received(1);
  await scene.reload("invalid");
  const clients: Clients = {
    views: [...views],
    tunnels,
    openTunnels: open.length,
    held: 1,
    release: async () => {
      scene.releaseHeld();
      await held;
      for (const end of open) await end();
      clients.views.splice(0, Infinity, ...views);
      clients.openTunnels = clients.held = 0;
    },
  };
  return clients;
}

interface Sending {
  readonly method: string;
  readonly body: string;
  /** Resolves when the client disconnects. */
  readonly leave: Promise<void>;
}

async function openTunnels({ adminUrl }: WatchedConductor): Promise<number> {
  const { metrics } = await (await fetch(`${adminUrl}api/state`)).json();
  return metrics.routes.find(({ route }: { route: string }) => route === "pathPrefix /socket").tunnels;
}

async function readExactly(connection: Deno.Conn, length: number): Promise<void> {
  const buffer = new Uint8Array(length);
  for (let count = 0; count < length;) {
    const read = await connection.read(buffer.subarray(count));
    assert(read !== null, "the tunnel ended early");
    count += read;
  }
}

/** Bounds of durations that were measured outside: each one is within its pair, if both are sorted. */
export interface DurationBounds {
  readonly atLeastMs: readonly number[];
  readonly atMostMs: readonly number[];
}

type Counts = Readonly<Record<string, number>>;

/** Truth about a route, by the names of its counters. */
export interface RouteTruth {
  readonly route: string;
  readonly responses: Counts;
  readonly fallbacks: number;
  readonly localReplies: number;
  readonly refusals: Counts;
  readonly interrupted: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly tunnels: number;
  readonly tunnelsOpened: number;
  readonly tunnelClientBytes: number;
  readonly tunnelServiceBytes: number;
  readonly tunnelDuration: DurationBounds;
  readonly inFlight: number;
  readonly duration: DurationBounds;
}

/** Truth about a service on its route, by the names of its counters. */
export interface ServiceTruth {
  readonly route: string;
  readonly service: string;
  readonly role: Role;
  readonly timeoutMs: number;
  readonly responses: Counts;
  readonly failedResponses: number;
  readonly failures: Counts;
  readonly skips: Counts;
  readonly selected: number;
  readonly hedgesSent: number;
  readonly hedgesWon: number;
  readonly replays: number;
  readonly inFlight: number;
  readonly duration: DurationBounds;
  readonly comparisons: Counts;
  readonly notComparable: Counts;
  /** State that the service must have. */
  readonly breaker?: "closed" | "open";
  readonly health?: "unhealthy";
  /** Cause of the newest failure. */
  readonly cause?: RegExp;
}

/** Everything that conductor must show. */
export interface Truth {
  readonly routes: readonly RouteTruth[];
  readonly services: readonly ServiceTruth[];
  readonly reloads: { readonly succeeded: number; readonly refused: number };
}

/** Derives the truth from the counts of clients and backends. */
export function truthOf(scene: Scene, clients: Clients): Truth {
  const { backends, times, connections } = scene;
  const on = (path: string) => clients.views.filter((view) => view.path === path);
  const slowestMs = Math.max(...clients.views.map(({ durationMs }) => durationMs));
  const seen = (name: string) => {
    return backends[name]!.seen.filter(({ target }) => !target.endsWith(CHECK_PATH)).length - heldBy(name);
  };
  const heldBy = (name: string) => name === "keeper" ? clients.held : 0;

  function service(
    path: string,
    name: string,
    role: Role,
    facts: Partial<ServiceTruth> & { readonly attempts?: number; readonly atLeastMs?: number },
  ): ServiceTruth {
    const { responses = name in backends ? { "2xx": seen(name) } : {}, failures = {} } = facts;
    const attempts = sum(responses) + sum(failures) - (failures["aborted"] ?? 0);
    // Clients wait for all services except shadows, and for no replay.
    const longest = on(path).map(({ durationMs }) => durationMs).sort(ascending);
    const waits = role === "shadow" ? [] : longest.slice(Math.max(0, longest.length - attempts));
    const later = Array.from({ length: Math.max(0, attempts - waits.length) }, () => 2 * slowestMs + SCHEDULING_MS);
    const ownTimes = failures["aborted"] || failures["timeout"] ? [] : times[name] ?? [];
    const { atLeastMs = 0 } = facts;
    const atLeast = Array.from({ length: attempts }, (_, index) => ownTimes[index] ?? atLeastMs);
    const selected = on(path).filter((view) => view.service === name).length;
    return {
      route: `pathPrefix ${path}`,
      service: name,
      role,
      timeoutMs: name === "hung" ? TIMEOUT_MS : 30_000,
      failedResponses: 0,
      failures,
      skips: {},
      selected,
      hedgesSent: 0,
      hedgesWon: 0,
      replays: 0,
      inFlight: heldBy(name),
      comparisons: {},
      notComparable: {},
      ...facts,
      responses,
      duration: { atLeastMs: atLeast.sort(ascending), atMostMs: [...waits, ...later] },
    };
  }

  const clientCount = (path: string) => on(path).length;
  const gets = on("/api").filter(({ method }) => method === "GET").length;
  /** A primary that is compared with itself: each further request is a replay. */
  const replayed = (path: string, name: string) => {
    const replays = seen(name) - clientCount(path);
    return service(path, name, "primary", { replays, comparisons: { noise: replays } });
  };
  const failing = (path: string, name: string, kind: string, cause: RegExp, count = clientCount(path)) =>
    service(path, name, "primary", { responses: {}, failures: { [kind]: count }, cause });
  const admitted = on("/crowd").filter(({ service }) => service === "busy").length;
  const uploads = on("/upload").filter(({ status, method }) => status === 200 && method === "POST").length;
  const mirrored = on("/upload").filter(({ status }) => status === 200).length;
  const rejected = clientCount("/open") - seen("open");
  const services = [
    replayed("/api", "blue"),
    service("/api", "green", "secondary", {}),
    service("/api", "canary", "shadow", {
      skips: { "method-excluded": clientCount("/api") - gets },
      comparisons: { mismatch: seen("canary") },
    }),
    service("/api", "unsampled", "shadow", { skips: { "not-sampled": clientCount("/api") } }),
    replayed("/same", "same"),
    service("/same", "twin", "shadow", { comparisons: { match: seen("twin") } }),
    replayed("/odd", "plain"),
    service("/odd", "garbled", "shadow", {
      comparisons: { "not-comparable": seen("garbled") },
      notComparable: { undecodable: seen("garbled") },
    }),
    replayed("/lone", "lone"),
    service("/lone", "absent", "shadow", {
      responses: {},
      failures: { refused: clientCount("/lone") },
      comparisons: { missing: clientCount("/lone") },
      cause: /connection refused at 127\.0\.0\.1:\d+/,
    }),
    service("/slow", "slow", "primary", {}),
    service("/left", "left", "primary", { responses: {}, failures: { aborted: seen("left") } }),
    failing("/down", "down", "refused", /connection refused at 127\.0\.0\.1:\d+/),
    service("/down", "backup", "secondary", {}),
    service("/hung", "hung", "primary", {
      responses: {},
      failures: { timeout: clientCount("/hung") },
      atLeastMs: TIMEOUT_MS - 2,
      cause: /timeout/,
    }),
    failing("/gone", "gone", "reset", /./, connections["gone"]),
    failing("/noise", "noise", "protocol", /./, connections["noise"]),
    failing("/locked", "locked", "tls", /./),
    service("/broken", "broken", "primary", {
      responses: { "5xx": seen("broken") },
      failedResponses: seen("broken"),
      cause: /500/,
    }),
    service("/open", "open", "primary", {
      responses: { "5xx": seen("open") },
      failedResponses: seen("open"),
      skips: { "open-circuit": rejected },
      breaker: "open",
      cause: /503/,
    }),
    service("/sick", "sick", "primary", {
      responses: {},
      skips: { unhealthy: clientCount("/sick") },
      health: "unhealthy",
      cause: /500/,
    }),
    service("/sick", "well", "secondary", {}),
    service("/hedged", "late", "primary", {}),
    service("/hedged", "hedge", "secondary", { hedgesSent: seen("hedge") }),
    // The slower primary is no longer needed.
    service("/raced", "steady", "primary", { responses: {}, failures: { aborted: seen("steady") } }),
    service("/raced", "quick", "primary", { hedgesSent: seen("quick"), hedgesWon: clientCount("/raced") }),
    service("/cut", "cut", "primary", { responses: { "2xx": connections["cut"]! } }),
    service("/crowd", "busy", "primary", {}),
    service("/crowd", "crowded", "shadow", { skips: { "max-in-flight": admitted - seen("crowded") } }),
    service("/upload", "sink", "primary", {}),
    service("/upload", "small", "shadow", { skips: { "body-too-large": uploads } }),
    service("/upload", "limited", "shadow", { skips: { "rate-limited": mirrored - seen("limited") } }),
    service("/socket", "echo", "primary", { responses: { "1xx": connections["echo"]! } }),
    service("/held", "keeper", "primary", {}),
  ];

  const paths = [...new Set(services.map(({ route }) => route.slice("pathPrefix ".length)))];
  const routes = [...paths, "/nowhere"].map((path): RouteTruth => {
    const views = on(path);
    const route = path === "/nowhere" ? "" : `pathPrefix ${path}`;
    const own = services.filter((service) => service.route === route);
    const isSecondary = (name: string | undefined) =>
      own.some(({ service, role }) => service === name && role === "secondary");
    const relayed = views.filter(({ service }) => service !== undefined);
    const waited = own.filter(({ role, failures }) => role !== "shadow" && !failures["aborted"]);
    // Clients waited for the slowest service; the order of requests is that of each backend.
    const served = relayed.map((_, nth) => Math.max(0, ...waited.map(({ service }) => times[service]?.[nth] ?? 0)));
    const local = Array.from({ length: views.length - relayed.length }, () => 0);
    const refused = views.filter(({ status, service }) => status === 503 && service === undefined);
    const tunnels = path === "/socket" ? clients.tunnels : [];
    return {
      route,
      responses: countBy(views.map(({ status }) => `${String(status)[0]}xx`)),
      fallbacks: views.filter(({ service }) => isSecondary(service)).length,
      // A client that left got no response.
      localReplies: views.filter(({ service, status }) => service === undefined && status !== 499).length,
      refusals: path === "/crowd"
        ? { "max-in-flight-per-client": refused.length }
        : path === "/socket"
        ? { "max-tunnels": refused.length }
        : {},
      interrupted: path === "/cut" ? views.length : 0,
      requestBytes: views.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      responseBytes: relayed.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
      tunnels: path === "/socket" ? clients.openTunnels : 0,
      tunnelsOpened: path === "/socket" ? views.filter(({ status }) => status === 101).length : 0,
      tunnelClientBytes: tunnels.reduce((sum, { clientBytes }) => sum + clientBytes, 0),
      tunnelServiceBytes: tunnels.reduce((sum, { serviceBytes }) => sum + serviceBytes, 0),
      tunnelDuration: {
        atLeastMs: tunnels.map(() => 0),
        atMostMs: tunnels.map(({ durationMs }) => durationMs).sort(ascending),
      },
      inFlight: path === "/held" ? clients.held : 0,
      duration: {
        atLeastMs: [...served, ...local].sort(ascending),
        atMostMs: views.map(({ durationMs }) => durationMs).sort(ascending),
      },
    };
  });
  for (const { duration } of [...routes, ...services]) {
    assertEquals(duration.atLeastMs.length, duration.atMostMs.length);
  }
  return { routes, services, reloads: { succeeded: 1, refused: 1 } };
}

export function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

export function ascending(a: number, b: number): number {
  return a - b;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export type { TestServer };
