/** Setup of the demo: three backends, conductor in front of them, and a client. */

import { parse } from "@std/yaml/parse";
import type { StateView } from "../../admin/api.ts";
import { ComparisonStore } from "../../compare/comparison_store.ts";
import { createHandler } from "../../proxy/fetch_handler.ts";
import type { Config } from "../../config/config.ts";
import { validateConfig } from "../../config/validate.ts";
import type { DetailedObserver } from "../../observe/observers.ts";
import type { ExchangeRecord } from "../../observe/exchange_record.ts";
import { ExchangeRecorder } from "../../observe/exchange_recorder.ts";
import { Metrics } from "../../observe/metrics.ts";
import { createRedaction } from "../../observe/redaction.ts";
import { AsyncQueue } from "../../lib/async_queue.ts";
import { ListenError } from "../../server/listen_error.ts";
import type { ServeHandler } from "../../server/http_listener.ts";
import { type RunningServer, serve } from "../../server/serve.ts";
import { AdminListener, createAdminSource } from "../../server/admin_listener.ts";
import { DemoBackend } from "./backend.ts";

/** The servers and the client of the demo. */
export interface DemoStage {
  /** URL of conductor. */
  readonly url: string;
  /** URL of the admin listener. */
  readonly adminUrl: string;
  /** Text of the configuration. */
  readonly yaml: string;
  /** Validated configuration. */
  readonly config: Config;
  /** The primary, the secondary and the shadow. */
  readonly backends: readonly [blue: DemoBackend, green: DemoBackend, canary: DemoBackend];
  /** Exchanges whose attempts have all settled. */
  readonly exchanges: Pick<AsyncQueue<ExchangeRecord>, "next">;
  /** Reads the metrics. */
  state(): Promise<StateView>;
  /** Sends a request to conductor over a socket. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Stops all servers. */
  close(): Promise<void>;
}

const HOSTNAME = "127.0.0.1";
const DEFAULT_PORT = 8080;

/**
 * Starts the backends and conductor. Without a port, conductor listens on 8080 or, if that is in use, on a free port.
 * Throws a {@linkcode ListenError} if the port cannot be listened on.
 */
export async function openStage(port: number | undefined): Promise<DemoStage> {
  const backends = [
    new DemoBackend({ name: "blue", workMs: 40, flaky: false }),
    new DemoBackend({ name: "green", workMs: 85, flaky: false }),
    new DemoBackend({ name: "canary", workMs: 105, flaky: true }),
  ] as const;
  const stopAll = () => Promise.all(backends.map((backend) => backend.stop()));
  const yaml = configText(backends);
  const { config } = validateConfig(parse(yaml));
  const exchanges = new AsyncQueue<ExchangeRecord>();
  const redaction = createRedaction(config);
  const recorder = new ExchangeRecorder({ redaction: () => redaction, onRecord: (record) => exchanges.push(record) });
  const metrics = new Metrics();
  metrics.reconfigure(config);
  const observe: DetailedObserver = (event, detail) => {
    metrics.observe(event);
    recorder.observe(event, detail);
  };
  const comparisons = new ComparisonStore();
  const handler = createHandler(config, { observe, comparisons });
  let server: RunningServer;
  try {
    server = await listen(handler, port);
  } catch (error) {
    await stopAll();
    throw error;
  }
  // conductor is its own proxy here, because fetch would otherwise obey HTTP_PROXY even for loopback.
  const client = Deno.createHttpClient({ proxy: { transport: "tcp", hostname: HOSTNAME, port: server.port } });
  const url = `http://${HOSTNAME}:${server.port}`;
  const source = createAdminSource({
    config,
    inspect: (after) => Promise.resolve({ metrics: metrics.snapshot(), recent: recorder.after(after) }),
    recent: (after) => Promise.resolve(recorder.after(after)),
    comparisons: (after, sinceMs) => Promise.resolve(comparisons.read(after, sinceMs)),
    resetComparisons: () => Promise.resolve(comparisons.reset()),
  }, { url: () => url, isDraining: () => false, workers: () => ({ count: 1, crashes: 0 }) });
  const admin = new AdminListener({ source });
  await (await admin.prepare({
    hostname: HOSTNAME,
    shownHostname: HOSTNAME,
    port: 0,
    token: undefined,
    socketMode: undefined,
  })).commit();
  return {
    url,
    adminUrl: admin.url ?? "",
    yaml,
    config,
    backends,
    exchanges,
    state: () => source.state(),
    request: (path, init) => fetch(url + path, { ...init, client }),
    close: async () => {
      client.close();
      await admin.shutdown();
      await stopAll();
      await server.shutdown();
    },
  };
}

/** Returns the text that the demo prints and runs. */
function configText([blue, green, canary]: DemoStage["backends"]): string {
  return `\
wait: primary   # the default, "all", would wait for green too
services:
  - {name: blue,   url: ${blue.url}, pathPrefix: /api, primary: true}
  - {name: green,  url: ${green.url}, pathPrefix: /api}
  - {name: canary, url: ${canary.url}, pathPrefix: /api, shadow: true}
`;
}

async function listen(handler: ServeHandler, port: number | undefined): Promise<RunningServer> {
  try {
    return await serve(handler, { hostname: HOSTNAME, port: port ?? DEFAULT_PORT });
  } catch (error) {
    if (port !== undefined || !(error instanceof ListenError) || error.kind !== "in-use") throw error;
    return await serve(handler, { hostname: HOSTNAME, port: 0 });
  }
}
