/** The demo's backends: servers that answer after a while, and that can be killed and started again. */

import { delay } from "@std/async/delay";
import { ListenError } from "../../server/listen_error.ts";

/** What a backend does. */
export interface DemoBackendOptions {
  /** Its name, in its answers. */
  readonly name: string;
  /** How long it pretends to work, in milliseconds. */
  readonly workMs: number;
  /** Whether every second request finds it broken. */
  readonly flaky: boolean;
}

/** A small server on a port of this machine. */
export class DemoBackend {
  /** The backend's name. */
  readonly name: string;
  readonly #options: DemoBackendOptions;
  #port = 0;
  #requests = 0;
  #abort = new AbortController();
  #finished: Promise<void> = Promise.resolve();

  /**
   * Starts the backend on a free port.
   *
   * @param options What the backend does.
   * @throws {ListenError} Where it can not listen.
   */
  constructor(options: DemoBackendOptions) {
    this.name = options.name;
    this.#options = options;
    this.start();
  }

  /** Where the backend listens. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the backend, on the port that it had before. */
  start(): void {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const server = this.#listen(signal);
    this.#port = server.addr.port;
    this.#finished = server.finished;
  }

  /** Kills the backend: its connections are cut, and new ones are refused. */
  async kill(): Promise<void> {
    this.#abort.abort();
    await this.#finished;
  }

  #listen(signal: AbortSignal): Deno.HttpServer<Deno.NetAddr> {
    const address = { hostname: "127.0.0.1", port: this.#port };
    try {
      return Deno.serve({ ...address, signal, onListen: () => {} }, (request) => this.#answer(request));
    } catch (error) {
      throw new ListenError(address, error);
    }
  }

  async #answer(request: Request): Promise<Response> {
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
