/** Backends of the benchmark: a separate process with cheap responses. */

import { fileURLToPath } from "node:url";
import { startDenoProgram } from "../_support/child.ts";
import { LARGE_BYTES, type Load, SMALL_BYTES } from "./loads.ts";

/** Backends without a delay, in addition to the slow one. */
const FAST_BACKENDS = 4;
const SLOW_MS = 20;

/** Running backends. */
export interface Backends extends AsyncDisposable {
  /** Origins of all backends, the slow one last. */
  readonly origins: readonly string[];
  /** Returns the origins for a load, the primary's first. */
  originsFor(load: Load): readonly string[];
}

/** Starts the backends on consecutive ports, or on free ports if `firstPort` is 0. */
export async function startBackends(firstPort: number): Promise<Backends> {
  const program = fileURLToPath(import.meta.url);
  const { child, announced } = await startDenoProgram(program, ["--port", `${firstPort}`]);
  const origins = announced.split(" ");
  return {
    origins,
    originsFor({ services, slowSecondary }) {
      const chosen = origins.slice(0, services);
      return slowSecondary ? [...chosen.slice(0, -1), origins.at(-1)!] : chosen;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Prepares bytes and headers once, so that a backend takes little CPU time. */
function createResponder(): (request: Request) => Response | Promise<Response> {
  const small = new TextEncoder().encode(JSON.stringify({ id: 7, name: "x" }).padEnd(SMALL_BYTES));
  const large = new Uint8Array(LARGE_BYTES).fill(120);
  const json = { headers: { "content-type": "application/json" } };
  return (request) => {
    if (request.method !== "POST") return new Response(request.url.endsWith("/64k") ? large : small, json);
    return consume(request.body).then(() => new Response(small, json));
  };
}

async function consume(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (body !== null) { for await (const _ of body); }
}

if (import.meta.main) {
  const firstPort = Number(Deno.args[1]);
  const respond = createResponder();
  const origins = Array.from({ length: FAST_BACKENDS + 1 }, (_, index) => {
    const port = firstPort === 0 ? 0 : firstPort + index;
    const isSlow = index === FAST_BACKENDS;
    const { addr } = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
      if (isSlow) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      return respond(request);
    });
    return `http://127.0.0.1:${addr.port}`;
  });
  console.log(`listening on ${origins.join(" ")}`);
}
