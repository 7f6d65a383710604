/** What is remembered of a shadow's copies, whatever becomes of the configuration. */

import type { Ramp } from "../config/config.ts";

/** What is remembered of one shadow's copies. */
export interface ShadowState {
  /** How many are in flight. */
  inFlight: number;
  /** Which of a cycle of requests the next one is that a share decides on. */
  cursor: number;
  /** Where this cycle stands among those that copy one more request than others, in millionths. */
  phase: number;
  /** In which order a growing share takes them; `undefined` before the first. */
  order: Uint16Array | undefined;
  /** How many may be sent at once without exceeding their rate. */
  tokens: number;
  /** When tokens were last added, in milliseconds. */
  refilledMs: number;
  /** The same for copies that cost a connection each. */
  readonly connectionBucket: { tokens: number; refilledMs: number };
  /** The ramp that is climbed, and since when, in milliseconds. */
  ramp: Ramp & { readonly startedMs: number } | undefined;
}

/** What is remembered, by the name of the shadow. */
export class ShadowStates {
  #byName: ReadonlyMap<string, ShadowState> = new Map();

  /**
   * Hands over what is remembered to a configuration that comes into force, and forgets the shadows that it does not have.
   *
   * @param names The names of its shadows.
   * @returns A state for each of them.
   */
  reconfigure(names: readonly string[]): ReadonlyMap<string, ShadowState> {
    this.#byName = new Map(names.map((name) => [name, this.#byName.get(name) ?? createState()]));
    return this.#byName;
  }
}

function createState(): ShadowState {
  return {
    inFlight: 0,
    cursor: 0,
    phase: 0,
    order: undefined,
    tokens: 0,
    refilledMs: -Infinity,
    connectionBucket: { tokens: 0, refilledMs: -Infinity },
    ramp: undefined,
  };
}
