/** What a running conductor knows of itself, and keeps when its configuration is replaced. */

import { Admission } from "./admission.ts";
import { Breakers } from "./breakers.ts";
import { Health } from "./health.ts";
import { ShadowStates } from "./shadow_state.ts";
import { HedgeStates } from "./hedge_state.ts";
import { SecretNames } from "../lib/secret_names.ts";
import { KeyedSemaphore } from "../lib/keyed_semaphore.ts";
import { DrainHistory } from "../upstream/response_body.ts";

/** One running conductor. */
export interface SharedState {
  /** Its name in Via, by which it knows its own requests when they come back. */
  readonly pseudonym: string;
  /** The exchanges that are in flight. */
  readonly admission: Admission;
  /** The attempts that are in flight, by the name of their service. */
  readonly inFlight: KeyedSemaphore;
  /** What the attempts of each service have come to. */
  readonly breakers: Breakers;
  /** What their health checks have come to. */
  readonly health: Health;
  /** What is remembered of copies, by the name of their shadow. */
  readonly shadows: ShadowStates;
  /** How long services take to answer, and how often copies may be sent for that. */
  readonly hedges: HedgeStates;
  /** Services whose unselected responses are too long to drain. */
  readonly drains: DrainHistory;
  /** Cached decisions on secret names of header fields. */
  readonly secretNames: SecretNames;
}

/**
 * Makes a name for Via that no other conductor has.
 *
 * @returns The name.
 */
export function createPseudonym(): string {
  return `conductor-${crypto.randomUUID().slice(0, 8)}`;
}

/**
 * Makes an instance.
 *
 * @param pseudonym Its name in Via. Absent: one of its own; threads of one server share one, to know each other's requests.
 * @returns The instance.
 */
export function createSharedState(pseudonym: string = createPseudonym()): SharedState {
  return {
    pseudonym,
    admission: new Admission(),
    inFlight: new KeyedSemaphore(),
    breakers: new Breakers(),
    health: new Health(),
    shadows: new ShadowStates(),
    hedges: new HedgeStates(),
    drains: new DrainHistory(),
    secretNames: new SecretNames(),
  };
}
