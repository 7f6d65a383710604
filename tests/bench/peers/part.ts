/**
 * One part of conductor behind `Deno.serve`, for `deno task bench:where`:
 *
 * - `none`: reads all header lines and sets five, without a backend;
 * - `transport`: the HTTP/1.1 transport with prepared requests, otherwise like the bound;
 * - `handler`: the handler with its observers, and a transport that returns a prepared response;
 * - `both`: handler and transport, without the command line.
 */

import { parseArgs } from "@std/cli/parse-args";
import { validateConfig } from "../../../src/config/validate.ts";
import { Cancellation } from "../../../src/lib/cancellation.ts";
import { ExchangeRecorder } from "../../../src/observe/exchange_recorder.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { createRedaction } from "../../../src/observe/redaction.ts";
import { createHandler } from "../../../src/proxy/fetch_handler.ts";
import { http1Transport } from "../../../src/upstream/http1/http1.ts";
import { BufferedResponse, ResponseResult } from "../../../src/upstream/http1/response_result.ts";
import type { Transport, TransportRequest } from "../../../src/upstream/transport.ts";
import { SMALL_BYTES } from "../loads.ts";

type Handle = (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Response | Promise<Response>;

const BODY = new TextEncoder().encode(JSON.stringify({ id: 7, name: "x" }).padEnd(SMALL_BYTES));
const NO_TRAILERS = { trailers: [] };

function respond(request: Request, body: Uint8Array<ArrayBuffer>): Response {
  const received = [...request.headers];
  return new Response(body, {
    headers: [
      ["content-type", "application/json"],
      ["x-request-id", crypto.randomUUID()],
      ["x-conductor-service", "b0"],
      ["x-lines", `${received.length}`],
      ["cache-control", "no-store"],
    ],
  });
}

function scripted(): ReturnType<Transport> {
  const headers = [["content-type", "application/json"], ["content-length", `${SMALL_BYTES}`]] as const;
  return Promise.resolve(new ResponseResult(new BufferedResponse(200, headers, BODY.slice(), NO_TRAILERS)));
}

function overTransport(origins: readonly string[], target: string): Handle {
  const transport = http1Transport({ detachBuffers: true });
  const signal = new AbortController().signal;
  const prepare = (origin: string): TransportRequest => ({
    method: "GET",
    origin,
    target,
    host: undefined,
    headers: [["user-agent", "bench"], ["via", "1.1 bench"], ["x-forwarded-for", "127.0.0.1"]],
    body: null,
    signal,
    cancellation: new Cancellation(),
  });
  return async (request) => {
    const results = await Promise.all(origins.map((origin) => transport(prepare(origin))));
    const [first] = results;
    if (!first?.ok) throw new Error(`Cannot exchange: ${first?.kind}`);
    return respond(request, first.response.body as Uint8Array<ArrayBuffer>);
  };
}

function handler(origins: readonly string[], transport: Transport): Handle {
  const services = origins.map((url, index) => ({ name: `b${index}`, url, primary: index === 0, breaker: true }));
  const { config } = validateConfig({ services });
  const redaction = createRedaction(config);
  const metrics = new Metrics();
  metrics.reconfigure(config);
  const recorder = new ExchangeRecorder({ redaction: () => redaction });
  return createHandler(config, {
    transport,
    detachBuffers: true,
    observe(event, context) {
      metrics.observe(event);
      recorder.observe(event, context);
    },
  });
}

if (import.meta.main) {
  const { origins, path, part } = parseArgs(Deno.args, { string: ["origins", "path", "part", "wait"] });
  const all = origins!.split(",");
  const handlers: Readonly<Record<string, () => Handle>> = {
    none: () => (request) => respond(request, BODY),
    transport: () => overTransport(all, path!),
    handler: () => handler(all, scripted),
    both: () => handler(all, http1Transport({ detachBuffers: true })),
  };
  const { addr } = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handlers[part!]!());
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
