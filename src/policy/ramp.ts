/** A share that rises with time. */

import type { Ramp } from "../config/config.ts";
import type { ShadowState } from "./shadow_state.ts";

/**
 * Begins a ramp, unless the same one has begun under an earlier configuration.
 *
 * @param state The shadow's state.
 * @param ramp The ramp of the configuration; `undefined` where there is none.
 * @param nowMs When the configuration came into force.
 */
export function startRamp(state: Pick<ShadowState, "ramp">, ramp: Ramp | undefined, nowMs: number): void {
  const { from, to, overMs } = state.ramp ?? {};
  if (ramp?.from === from && ramp?.to === to && ramp?.overMs === overMs) return;
  state.ramp = ramp === undefined ? undefined : { ...ramp, startedMs: nowMs };
}

/**
 * Tells how far a ramp has come.
 *
 * @param ramp The ramp, and when it began.
 * @param nowMs The time.
 * @returns The share, 0 to 1.
 */
export function rampValue({ from, to, overMs, startedMs }: NonNullable<ShadowState["ramp"]>, nowMs: number): number {
  const progress = Math.min(1, Math.max(0, nowMs - startedMs) / overMs);
  return from + (to - from) * progress;
}
