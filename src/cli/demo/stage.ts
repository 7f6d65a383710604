/** The demo's set-up: three backends, conductor in front of them, and a client. */

import { parse } from "@std/yaml/parse";
import { createHandler } from "../../conductor.ts";
import type { Config } from "../../config/config.ts";
import { validateConfig } from "../../config/validate.ts";
import { ListenError } from "../../server/listen_error.ts";
import { type RunningServer, serve, type ServeHandler } from "../../server/serve.ts";
import { DemoBackend } from "./backend.ts";
import { TimelineRecorder } from "./timeline.ts";

/** What the demo plays on. */
export interface DemoStage {
  /** Where conductor listens. */
  readonly url: string;
  /** The configuration as a person would write it. */
  readonly yaml: string;
  /** The same, checked. */
  readonly config: Config;
  /** The primary, the secondary and the shadow. */
  readonly backends: readonly [blue: DemoBackend, green: DemoBackend, canary: DemoBackend];
  /** Puts the requests' events together. */
  readonly recorder: TimelineRecorder;
  /**
   * Sends a request to conductor over a socket.
   *
   * @param path The path.
   * @param init Method, headers and body.
   * @returns The response.
   */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Ends everything. */
  close(): Promise<void>;
}

const HOSTNAME = "127.0.0.1";
const DEFAULT_PORT = 8080;

/**
 * Starts the backends and conductor.
 *
 * @param port The port to listen on; `undefined`: 8080, or any free one where that is taken.
 * @returns The stage, up and running.
 * @throws {ListenError} Where the port can not be listened on.
 */
export async function openStage(port: number | undefined): Promise<DemoStage> {
  const backends = [
    new DemoBackend({ name: "blue", workMs: 40, flaky: false }),
    new DemoBackend({ name: "green", workMs: 85, flaky: false }),
    new DemoBackend({ name: "canary", workMs: 105, flaky: true }),
  ] as const;
  const killAll = () => Promise.all(backends.map((backend) => backend.kill()));
  const yaml = configText(backends);
  const { config } = validateConfig(parse(yaml));
  const recorder = new TimelineRecorder();
  const handler = createHandler(config, { observe: recorder.observe });
  let server: RunningServer;
  try {
    server = listen(handler, port);
  } catch (error) {
    await killAll();
    throw error;
  }
  // As its own "proxy", conductor is reached directly: fetch would obey HTTP_PROXY even for this machine.
  const client = Deno.createHttpClient({ proxy: { transport: "tcp", hostname: HOSTNAME, port: server.port } });
  const url = `http://${HOSTNAME}:${server.port}`;
  return {
    url,
    yaml,
    config,
    backends,
    recorder,
    request: (path, init) => fetch(url + path, { ...init, client }),
    close: async () => {
      client.close();
      await killAll();
      await server.shutdown();
    },
  };
}

/** What the reader sees is what runs. */
function configText([blue, green, canary]: DemoStage["backends"]): string {
  return `\
wait: primary   # the default, "all", would wait for green too
services:
  - {name: blue,   url: ${blue.url}, pathPrefix: /api, primary: true}
  - {name: green,  url: ${green.url}, pathPrefix: /api}
  - {name: canary, url: ${canary.url}, pathPrefix: /api, shadow: true}
`;
}

function listen(handler: ServeHandler, port: number | undefined): RunningServer {
  try {
    return serve(handler, { hostname: HOSTNAME, port: port ?? DEFAULT_PORT });
  } catch (error) {
    if (port !== undefined || !(error instanceof ListenError) || error.kind !== "in-use") throw error;
    return serve(handler, { hostname: HOSTNAME, port: 0 });
  }
}
