/**
 * The least that a fan-out over `fetch` can do: method, path and body go to every backend, all are waited for, and the
 * first one's answer is returned. No header line of the client is passed on, nothing is checked, and no failure is met.
 */

import { parseArgs } from "@std/cli/parse-args";

/** How the fan-out works. */
export interface FetchFanOutOptions {
  /**
   * Whether all backends are waited for, or only the first.
   *
   * @default "all"
   */
  readonly wait?: "all" | "primary";
}

/**
 * Makes the handler.
 *
 * @param origins The backends; the first one's answer is returned.
 * @param options Who is waited for.
 * @returns The handler.
 */
export function fetchFanOut(
  origins: readonly string[],
  options: FetchFanOutOptions = {},
): (request: Request) => Promise<Response> {
  const { wait = "all" } = options;
  return async function handle(request) {
    const { method, url } = request;
    const path = url.slice(url.indexOf("/", "http://".length));
    const body = request.body === null ? null : await request.bytes();
    const answers = origins.map((origin) => ask(`${origin}${path}`, { method, body }));
    const [first] = wait === "all" ? await Promise.all(answers) : [await answers[0]!];
    return new Response(first!.body, { status: first!.status, headers: first!.headers });
  };
}

async function ask(
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
