/** What is remembered of a shadow's copies, whatever becomes of the configuration. */

import type { Ramp } from "../config/config.ts";

/** What is remembered of one shadow's copies. */
export interface CopyState {
  /** How many are in flight. */
  inFlight: number;
  /** Which of a cycle of requests the next one is that a share decides on. */
  at: number;
  /** Where this cycle stands among those that copy one more request than others, in millionths. */
  part: number;
  /** In which order a growing share takes them; `undefined` before the first. */
  ranks: Uint16Array | undefined;
  /** How many may be sent at once without exceeding their rate. */
  tokens: number;
  /** When tokens were last added, in milliseconds. */
  refilledMs: number;
  /** The same for copies that cost a connection each. */
  readonly costly: { tokens: number; refilledMs: number };
  /** The ramp that is climbed, and since when, in milliseconds. */
  ramp: Ramp & { readonly startedMs: number } | undefined;
}

/** What is remembered, by the name of the shadow. */
export class CopyStates {
  #byName: ReadonlyMap<string, CopyState> = new Map();

  /**
   * Hands over what is remembered to a configuration that comes into force, and forgets the shadows that it does not have.
   *
   * @param names The names of its shadows.
   * @returns A state for each of them.
   */
  adopt(names: readonly string[]): ReadonlyMap<string, CopyState> {
    this.#byName = new Map(names.map((name) => [name, this.#byName.get(name) ?? createState()]));
    return this.#byName;
  }
}

function createState(): CopyState {
  return {
    inFlight: 0,
    at: 0,
    part: 0,
    ranks: undefined,
    tokens: 0,
    refilledMs: -Infinity,
    costly: { tokens: 0, refilledMs: -Infinity },
    ramp: undefined,
  };
}
