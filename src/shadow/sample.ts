/** A share of the requests, counted, not drawn; or a share of the clients, always the same ones. */

import type { CopyState } from "../exchange/copy_states.ts";
import { stableHash } from "./stable_hash.ts";

/** Whole numbers add up without error, and a billionth is a smaller share than anybody asks for. */
const WHOLE = 1_000_000_000;

/**
 * Decides whether a request is one of those that are copied. Of any number of requests in a row, the share of that
 * number are copied, rounded up or down.
 *
 * @param state The shadow's state; what is due moves on with every call.
 * @param rate The share, 0 to 1.
 * @param name The shadow's name: it decides which of the first requests is copied, so that two shadows with the same
 * share do not choose the same requests.
 * @returns Whether this one is copied.
 */
export function isNextCopied(state: Pick<CopyState, "due">, rate: number, name: string): boolean {
  const due = (state.due ?? Math.floor(stableHash(name) * WHOLE)) + Math.round(rate * WHOLE);
  state.due = due >= WHOLE ? due - WHOLE : due;
  return due >= WHOLE;
}

/**
 * Decides whether a client's requests are copied: always, or never. A larger share holds the clients of a smaller one.
 *
 * @param name The shadow's name: another shadow has other clients.
 * @param client What the client is known by.
 * @param rate The share, 0 to 1.
 * @returns Whether they are.
 */
export function isClientCopied(name: string, client: string, rate: number): boolean {
  return stableHash(name, client) < rate;
}
