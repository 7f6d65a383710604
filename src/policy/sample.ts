/** An exact share of the requests, or a share of the clients, always the same ones. */

import type { ShadowState } from "./shadow_state.ts";
import { stratifiedOrder } from "../lib/stratified_order.ts";
import { stableHash } from "../lib/stable_hash.ts";

/** Of so many requests in a row, wherever they begin, the share is exact. */
const CYCLE = 1_000;
/** What one request of a cycle counts, in billionths of the requests: whole numbers compare without error. */
const PARTS = 1_000_000;
/** A share between two whole numbers of a cycle is one of them in some cycles; those are spread by the golden ratio. */
const PARTS_PER_CYCLE = 618_033;

/**
 * Decides whether a request is one of those that are copied. Of any 1,000 requests in a row the share is copied, rounded up or
 * down; which of them is drawn, once for each shadow.
 *
 * @param state The shadow's state; it moves on with every call.
 * @param rate The share, 0 to 1.
 * @param name The shadow's name: two shadows with the same share do not choose the same requests.
 * @returns Whether this one is copied.
 */
export function sampleNext(
  state: Pick<ShadowState, "cursor" | "phase" | "order">,
  rate: number,
  name: string,
): boolean {
  const ranks = state.order ??= stratifiedOrder(name);
  const isCopied = ranks[state.cursor]! * PARTS + state.phase < Math.round(rate * CYCLE * PARTS);
  if (++state.cursor === CYCLE) {
    state.cursor = 0;
    state.phase = (state.phase + PARTS_PER_CYCLE) % PARTS;
  }
  return isCopied;
}

/**
 * Decides whether a client's requests are copied: always, or never. A larger share holds the clients of a smaller one.
 *
 * @param name The shadow's name: another shadow has other clients.
 * @param client What the client is known by.
 * @param rate The share, 0 to 1.
 * @returns Whether they are.
 */
export function isClientSampled(name: string, client: string, rate: number): boolean {
  return stableHash(name, client) < rate;
}
