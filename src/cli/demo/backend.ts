/** Backends of the demo: servers with a fixed latency, which can be stopped and started again. */

import { delay } from "@std/async/delay";
import { ListenError } from "../../server/listen_error.ts";

/** Options of {@linkcode DemoBackend}. */
export interface DemoBackendOptions {
  /** Name in the responses. */
  readonly name: string;
  /** Latency in milliseconds. */
  readonly workMs: number;
  /** True to fail every second request. */
  readonly flaky: boolean;
}

/** A small server on a port of loopback. */
export class DemoBackend {
  /** Name of the backend. */
  readonly name: string;
  readonly #options: DemoBackendOptions;
  #port = 0;
  #requests = 0;
  #abort = new AbortController();
  #finished: Promise<void> = Promise.resolve();

  /** Starts the backend on a free port. Throws a {@linkcode ListenError} if it cannot listen. */
  constructor(options: DemoBackendOptions) {
    this.name = options.name;
    this.#options = options;
    this.start();
  }

  /** URL of the backend. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the backend, on the same port as before. */
  start(): void {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const server = this.#listen(signal);
    this.#port = server.addr.port;
    this.#finished = server.finished;
  }

  /** Stops the backend. Open connections are reset, and new ones are refused. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#finished;
  }

  #listen(signal: AbortSignal): Deno.HttpServer<Deno.NetAddr> {
    const address = { hostname: "127.0.0.1", port: this.#port };
    try {
      return Deno.serve({ ...address, signal, onListen: () => {} }, (request) => this.#respond(request));
    } catch (error) {
      throw new ListenError(address, error);
    }
  }

  async #respond(request: Request): Promise<Response> {
    const { name, workMs, flaky } = this.#options;
    const isBroken = flaky && this.#requests++ % 2 === 1;
    const text = await request.text();
    await delay(workMs);
    if (isBroken) return new Response(`${name} is broken\n`, { status: 500 });
    const down = new URL(request.url).searchParams.get("down") ?? "";
    if (down.split(",").includes(name)) return new Response(`${name} is down\n`, { status: 503 });
    if (request.method === "POST") return new Response(`${name} took the order ${text}\n`, { status: 201 });
    return new Response(`hello from ${name}\n`);
  }
}
