/**
 * How many requests may be sent for the time alone: a token bucket that answers fill, not time. Where nobody answers, or
 * everybody is late, hedging would only add to the load: it stops by itself, and comes back with the answers. The idea is
 * that of gRPC's retry throttling (gRFC A6).
 */

import type { HedgeState } from "./hedge_state.ts";

/** As much as this many answered requests earn is kept for a bad moment. */
const KEPT_REQUESTS = 100;
/** Ten times a tenth is a little less than one. */
const ONE = 1 - 1e-9;

type Purse = Pick<HedgeState, "tokens">;

/**
 * Takes what one request costs, where there is enough.
 *
 * @param purse What is left.
 * @param maxExtra What each answered request earns, 0 to 1; with 1 there is no limit.
 * @returns Whether there was enough.
 */
export function spend(purse: Purse, maxExtra: number): boolean {
  if (maxExtra === 1) return true;
  const tokens = Math.min(capacity(maxExtra), purse.tokens);
  purse.tokens = tokens >= ONE ? tokens - 1 : tokens;
  return tokens >= ONE;
}

/**
 * Adds what an answered request earns.
 *
 * @param purse What is left.
 * @param maxExtra What it earns, 0 to 1.
 */
export function earn(purse: Purse, maxExtra: number): void {
  purse.tokens = Math.min(capacity(maxExtra), purse.tokens + maxExtra);
}

/** However small the share, one request must fit in. */
function capacity(maxExtra: number): number {
  return maxExtra === 0 ? 0 : Math.max(1, maxExtra * KEPT_REQUESTS);
}
