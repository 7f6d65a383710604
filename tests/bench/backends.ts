/** The backends of the bench: cheap answers from a process of their own, on as many ports as a load needs. */

import { fileURLToPath } from "node:url";
import { startDenoProgram } from "./deno_program.ts";
import { LARGE_BYTES, type Load, SMALL_BYTES } from "./loads.ts";

/** How many backends answer at once; one more takes its time. */
const FAST_BACKENDS = 4;
const SLOW_MS = 20;

/** Running backends. */
export interface Backends extends AsyncDisposable {
  /** Where they listen; the last one is slow. */
  readonly origins: readonly string[];
  /** The origins of those that a load is sent to, the primary's first. */
  originsFor(load: Load): readonly string[];
}

/**
 * Starts the backends.
 *
 * @param firstPort Where the first one listens, and the others on the ports after it; 0 takes any free ones.
 * @returns The backends.
 */
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

/** Bytes and header lines are made once, so that a backend costs as little as can be. */
function createAnswer(): (request: Request) => Response | Promise<Response> {
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
  const answer = createAnswer();
  const origins = Array.from({ length: FAST_BACKENDS + 1 }, (_, index) => {
    const port = firstPort === 0 ? 0 : firstPort + index;
    const isSlow = index === FAST_BACKENDS;
    const { addr } = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
      if (isSlow) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      return answer(request);
    });
    return `http://127.0.0.1:${addr.port}`;
  });
  console.log(`listening on ${origins.join(" ")}`);
}
