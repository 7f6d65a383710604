/**
 * A minimal fan-out over `fetch`: sends method, path and body to every backend, waits for all, and returns the first
 * response. It forwards no client headers, validates nothing and handles no failures.
 */

import { parseArgs } from "@std/cli/parse-args";

/** Options of {@linkcode fetchFanOut}. */
export interface FetchFanOutOptions {
  /** Wait for all backends, or only for the first. Default: `all`. */
  readonly wait?: "all" | "primary";
}

/** Creates the handler. It returns the first backend's response. */
export function fetchFanOut(
  origins: readonly string[],
  options: FetchFanOutOptions = {},
): (request: Request) => Promise<Response> {
  const { wait = "all" } = options;
  return async function handle(request) {
    const { method, url } = request;
    const path = url.slice(url.indexOf("/", "http://".length));
    const body = request.body === null ? null : await request.bytes();
    const responses = origins.map((origin) => send(`${origin}${path}`, { method, body }));
    const [first] = wait === "all" ? await Promise.all(responses) : [await responses[0]!];
    return new Response(first!.body, { status: first!.status, headers: first!.headers });
  };
}

async function send(
  url: string,
  init: RequestInit,
): Promise<{ status: number; headers: Headers; body: Uint8Array<ArrayBuffer> }> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, body: await response.bytes() };
}

if (import.meta.main) {
  const { origins, wait } = parseArgs(Deno.args, { string: ["origins", "wait"] });
  const handle = fetchFanOut(origins!.split(","), { wait: wait === "primary" ? "primary" : "all" });
  const { addr } = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handle);
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
