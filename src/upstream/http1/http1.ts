/** The transport of Deno: HTTP/1.1 over connections of our own, which are kept. */

import type { Transport, TransportRequest } from "../transport.ts";
import { LoopTurns } from "../../lib/loop_turns.ts";
import type { UpstreamTls } from "../../config/config.ts";
import { Pool } from "./pool.ts";

/** How often idle connections are looked at, in milliseconds. */
const SWEEP_MS = 1_000;
/** Time in milliseconds after which reading of bodies that are mostly framing yields to other work. */
const FRAMING_SLICE_MS = 4;

/** What the transport can be given. */
export interface Http1TransportOptions {
  /**
   * The clock, in milliseconds; it must not go backwards.
   *
   * @default performance.now
   */
  readonly now?: () => number;
  /**
   * Whether responses go to native code only, so that the memory of a body's piece can be given back when the next one
   * is asked for. A script that keeps pieces would find them empty.
   *
   * @default {false}
   */
  readonly reclaims?: boolean;
}

/**
 * Makes the transport over `Deno.connect`. It changes no coding, adds no header line but Host and framing, follows
 * nothing, and uses no proxy of the environment. It sends no request twice, except one that is safe and has no body,
 * where a used connection ended before the first byte of an answer.
 *
 * @param options What to use in place of the real clock.
 * @returns A transport for `http` and `https` backends.
 */
export function http1Transport(options: Http1TransportOptions = {}): Transport {
  const { now = () => performance.now(), reclaims = false } = options;
  const turns = new LoopTurns({ sliceMs: FRAMING_SLICE_MS, now });
  const plain = new Map<string, Pool>();
  // Keyed by the configuration's own objects: a new configuration trusts nothing that an old one did.
  const secured = new WeakMap<UpstreamTls, Map<string, Pool>>();
  /** Those with idle connections. */
  const resting = new Set<Pool>();
  let sweeping = false;

  function poolsFor(tls: UpstreamTls | undefined): Map<string, Pool> {
    if (tls === undefined) return plain;
    let pools = secured.get(tls);
    if (pools === undefined) secured.set(tls, pools = new Map());
    return pools;
  }

  function poolFor({ origin, tls }: TransportRequest): Pool {
    const pools = poolsFor(tls);
    let pool = pools.get(origin);
    if (pool === undefined) pools.set(origin, pool = newPool(origin, tls));
    return pool;
  }

  function newPool(origin: string, tls: UpstreamTls | undefined): Pool {
    const { protocol, hostname, port, host } = new URL(origin);
    const secure = protocol === "https:";
    const endpoint = {
      hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(port) || (secure ? 443 : 80),
      secure,
      tls,
    };
    const onIdle = () => startSweeping(pool);
    const pool: Pool = new Pool({ endpoint, authority: host, now, reclaims, turns, onIdle });
    return pool;
  }

  function startSweeping(pool: Pool): void {
    resting.add(pool);
    if (sweeping) return;
    sweeping = true;
    Deno.unrefTimer(setTimeout(sweep, SWEEP_MS));
  }

  function sweep(): void {
    sweeping = false;
    for (const pool of resting) if (pool.sweep() === 0) resting.delete(pool);
    const [next] = resting;
    if (next !== undefined) startSweeping(next);
  }

  return (request) => poolFor(request).exchange(request);
}
