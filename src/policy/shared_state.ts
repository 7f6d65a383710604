/** State of a running conductor that outlives the configuration. */

import { KeyedSemaphore } from "../lib/keyed_semaphore.ts";
import { SecretNames } from "../lib/secret_names.ts";
import { StartPacer } from "../lib/start_pacer.ts";
import { Admission } from "./admission.ts";
import { Breakers } from "./breakers.ts";
import { Health } from "./health.ts";
import { HedgeStates } from "./hedge_policies.ts";
import { OpenTunnels } from "./open_tunnels.ts";
import { ShadowStates } from "./shadow_gate.ts";
import { DrainHistory } from "../upstream/response_body.ts";

/** State of one running conductor. */
export interface SharedState {
  /** Name in Via, which identifies requests that have already passed this conductor. */
  readonly pseudonym: string;
  /** Limits on the exchanges in flight. */
  readonly admission: Admission;
  /** Upgraded connections. */
  readonly tunnels: OpenTunnels;
  /** Attempts in flight, by the name of their service. */
  readonly inFlight: KeyedSemaphore;
  /** Delays attempts that would start together. */
  readonly starts: StartPacer;
  /** Breakers, by the name of their service. */
  readonly breakers: Breakers;
  /** Results of the health checks. */
  readonly health: Health;
  /** Samples, rates and ramps of the shadows. */
  readonly shadows: ShadowStates;
  /** Latencies of the services, and budgets for hedges. */
  readonly hedges: HedgeStates;
  /** Services whose unselected responses are too long to drain. */
  readonly drains: DrainHistory;
  /** Cached decisions on secret names of header fields. */
  readonly secretNames: SecretNames;
}

/** Returns a unique name for Via. */
export function createPseudonym(): string {
  return `conductor-${crypto.randomUUID().slice(0, 8)}`;
}

/**
 * Creates the state of a conductor. The workers of one server share a pseudonym, so that they detect loops together.
 */
export function createSharedState(pseudonym: string = createPseudonym()): SharedState {
  return {
    pseudonym,
    admission: new Admission(),
    tunnels: new OpenTunnels(),
    inFlight: new KeyedSemaphore(),
    starts: new StartPacer(),
    breakers: new Breakers(),
    health: new Health(),
    shadows: new ShadowStates(),
    hedges: new HedgeStates(),
    drains: new DrainHistory(),
    secretNames: new SecretNames(),
  };
}
