/** What is remembered for hedging, whatever becomes of the configuration. */

import type { Service } from "../config/config.ts";
import { sameUpstream } from "../config/config.ts";
import { LatencySketch } from "../lib/latency_sketch.ts";

/** What is remembered of one service. */
export interface HedgeState {
  /** Where it was when that began. */
  readonly service: Service;
  /** How long it takes to answer. */
  readonly latency: LatencySketch;
  /** How many copies may be sent before their time has been earned anew; `Infinity` before the first one. */
  tokens: number;
}

/** What is remembered, by the name of the service. */
export class HedgeStates {
  #byName: ReadonlyMap<string, HedgeState> = new Map();

  /**
   * Hands over what is remembered to a configuration that comes into force, and forgets what it does not have. A service
   * that is at another place now is begun anew.
   *
   * @param services The services that take part in hedging.
   * @param now The clock, in milliseconds; it must not go backwards.
   * @returns A state for each of them.
   */
  reconfigure(services: Iterable<Service>, now: () => number): ReadonlyMap<Service, HedgeState> {
    const states = new Map<Service, HedgeState>();
    for (const service of services) {
      const known = this.#byName.get(service.name);
      const isKnown = known !== undefined && sameUpstream(known.service, service);
      states.set(service, isKnown ? known : { service, latency: new LatencySketch(now), tokens: Infinity });
    }
    this.#byName = new Map([...states].map(([{ name }, state]) => [name, state]));
    return states;
  }
}
