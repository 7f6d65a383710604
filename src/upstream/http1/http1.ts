/** Transport over Deno's sockets: HTTP/1.1 with a pool of connections per service. */

import type { UpstreamTls } from "../../config/config.ts";
import { LoopTurns } from "../../lib/loop_turns.ts";
import { Slab } from "../../lib/slab.ts";
import type { Transport, TransportRequest } from "../transport.ts";
import { endpointOf } from "./dial.ts";
import { Pool } from "./pool.ts";

/** Interval in milliseconds between checks of idle connections. */
const SWEEP_MS = 1_000;
/** Time in milliseconds after which reading of bodies that are mostly framing yields to other work. */
const FRAMING_SLICE_MS = 4;

/** Options of {@linkcode http1Transport}. */
export interface Http1TransportOptions {
  /**
   * Clock in milliseconds. It must not go backwards.
   *
   * @default performance.now
   */
  readonly now?: () => number;
  /**
   * Release the memory of each body chunk when the next one is read. Only for responses that go to native code: a
   * script that keeps a chunk would find it empty.
   *
   * @default {false}
   */
  readonly detachBuffers?: boolean;
}

/**
 * Creates a transport over `Deno.connect`. It keeps content codings, adds no header except Host and the framing,
 * follows no redirects, and ignores proxies set in the environment. A safe request without a body is sent again if a
 * reused connection ended before the first byte of the response. No other request is sent twice.
 *
 * @param options The clock, and the release of memory.
 * @returns A transport for services with `http` and `https` URLs, and on Unix sockets.
 */
export function http1Transport(options: Http1TransportOptions = {}): Transport {
  const { now = () => performance.now(), detachBuffers = false } = options;
  const turns = new LoopTurns({ sliceMs: FRAMING_SLICE_MS, now });
  const slab = new Slab();
  const plain = new Map<string, Pool>();
  // Keyed by objects of the configuration, so that a reload with other TLS settings does not reuse old connections.
  const secured = new WeakMap<UpstreamTls, Map<string, Pool>>();
  const poolsWithIdle = new Set<Pool>();
  let isSweepScheduled = false;

  function poolsFor(tls: UpstreamTls | undefined): Map<string, Pool> {
    if (tls === undefined) return plain;
    let pools = secured.get(tls);
    if (pools === undefined) secured.set(tls, pools = new Map());
    return pools;
  }

  function poolFor({ origin, tls }: TransportRequest): Pool {
    const pools = poolsFor(tls);
    let pool = pools.get(origin);
    if (pool === undefined) pools.set(origin, pool = createPool(origin, tls));
    return pool;
  }

  function createPool(origin: string, tls: UpstreamTls | undefined): Pool {
    const endpoint = endpointOf({ origin, tls });
    const onIdle = () => scheduleSweep(pool);
    const pool: Pool = new Pool({ endpoint, authority: endpoint.authority, now, detachBuffers, turns, slab, onIdle });
    return pool;
  }

  function scheduleSweep(pool: Pool): void {
    poolsWithIdle.add(pool);
    if (isSweepScheduled) return;
    isSweepScheduled = true;
    Deno.unrefTimer(setTimeout(sweep, SWEEP_MS));
  }

  function sweep(): void {
    isSweepScheduled = false;
    for (const pool of poolsWithIdle) if (pool.sweep() === 0) poolsWithIdle.delete(pool);
    const [next] = poolsWithIdle;
    if (next !== undefined) scheduleSweep(next);
  }

  return (request) => poolFor(request).exchange(request);
}
