/** An admin listener with a source of its own, for tests. */

import { assertEquals } from "@std/assert";
import type { FakeTime } from "@std/testing/time";

import type { AdminSource, ExchangesView, StateView } from "../../src/admin/api.ts";
import { type AdminHandler, createAdminHandler } from "../../src/admin/handler.ts";
import { viewState } from "../../src/admin/state_view.ts";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { NoiseMarks } from "../../src/compare/noise_marks.ts";
import type { Config } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { ExchangeRing, type NewExchange } from "../../src/observe/exchange_record.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { serve } from "../../src/server/serve.ts";
import { exchangeRaw, type TestServer } from "./servers.ts";

/** Token of listeners that require one. */
export const TOKEN = "a-token-of-some-length";

const { config: CONFIG } = validateConfig({ services: [{ name: "a", url: "http://localhost:1" }] });

/** Source that counts its reads. */
export interface TestSource extends AdminSource {
  readonly ring: ExchangeRing;
  draining: boolean;
  /** Number of reads. */
  reads: number;
  /** Text that makes the state larger. */
  padding: string;
}

const READING = { workers: { count: 1, crashes: 0 }, process: {} };

/** Creates a source with its own counters and exchanges. */
export function createSource(config: Config = CONFIG): TestSource {
  const ring = new ExchangeRing(200);
  const metrics = new Metrics();
  metrics.reconfigure(config);
  const comparisons = new ComparisonStore();
  comparisons.reconfigure(config);
  const source: TestSource = {
    config,
    ring,
    draining: false,
    reads: 0,
    padding: "",
    state(): Promise<StateView> {
      source.reads++;
      const info = { version: `0.0.0${source.padding}`, draining: source.draining };
      return Promise.resolve(viewState(config, { ...info, ...READING, metrics: metrics.snapshot() }));
    },
    reading() {
      source.reads++;
      return Promise.resolve({ ...READING, metrics: metrics.snapshot() });
    },
    exchanges(after): Promise<ExchangesView> {
      source.reads++;
      return Promise.resolve(ring.after(after));
    },
    comparisons(after, sinceMs) {
      source.reads++;
      return Promise.resolve(comparisons.read(after, sinceMs));
    },
    resetComparisons: () => Promise.resolve(comparisons.reset()),
    marks: new NoiseMarks(),
  };
  return source;
}

/** Returns an exchange without attempts. */
export function exchange(parts: Partial<NewExchange> = {}): NewExchange {
  return {
    requestId: "r",
    timeMs: 0,
    method: "GET",
    path: "/",
    route: "",
    headers: [],
    status: 200,
    fallback: false,
    durationMs: 1,
    attempts: [],
    ...parts,
  };
}

/** A running admin listener. */
export interface Admin extends TestServer {
  readonly source: TestSource;
}

/** Options of {@linkcode startAdmin}. */
export interface StartOptions {
  readonly hostname?: string;
  readonly token?: string;
  readonly source?: TestSource;
}

/** Starts an admin listener on loopback. It checks requests as if it listened on `hostname`. */
export async function startAdmin(
  { hostname = "127.0.0.1", token, source = createSource() }: StartOptions = {},
): Promise<Admin> {
  // Some tests stop the clock, and the listener would wait for clients.
  const urgent = AbortSignal.abort();
  const server = await serve((request) => handler.handle(request), { hostname: "127.0.0.1", port: 0, urgent });
  const handler: AdminHandler = createAdminHandler(source, { hostname, port: server.port, token });
  return {
    source,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    async [Symbol.asyncDispose]() {
      handler.close();
      await server.shutdown();
    },
  };
}

/** Sends a request in raw bytes, with PORT replaced, and returns the status. */
export async function sendRaw(
  { port }: TestServer,
  lines: readonly string[],
  line = "GET /api/state HTTP/1.1",
): Promise<number> {
  const head = [line, ...lines, "Connection: close", "", ""].join("\r\n").replaceAll("PORT", String(port));
  return Number((await exchangeRaw(port, head)).split(" ")[1]);
}

/** Sends the token, and returns the path and the cookie of the session. */
export async function logIn({ url }: TestServer): Promise<{ path: string; cookie: string; field: string }> {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: TOKEN }),
    redirect: "manual",
  });
  await response.body?.cancel();
  assertEquals(response.status, 303);
  const field = response.headers.get("set-cookie")!;
  return { path: response.headers.get("location")!, cookie: field.split(";")[0]!, field };
}

/** Sends a request, and returns the status of the response. */
export async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, { redirect: "manual", ...init });
  await response.body?.cancel();
  return response.status;
}

/** Advances the time in small steps, so that the work of each timer ends before the next timer. */
export async function pass(time: FakeTime, seconds: number): Promise<void> {
  for (let quarters = 0; quarters < 4 * seconds; quarters++) await time.tickAsync(250);
}

/** Returns a request for the event stream. */
export function requestEvents(): Request {
  return new Request("http://127.0.0.1:80/api/events", { headers: { host: "127.0.0.1:80" } });
}

/** Returns a connection from an address. */
export function peer(number: number): { remoteAddr: { hostname: string } } {
  return { remoteAddr: { hostname: `10.0.0.${number}` } };
}
