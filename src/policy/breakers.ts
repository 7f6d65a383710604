/** The breakers of a running conductor, kept across reloads by the names of their services. */

import type { BreakerSettings, Service } from "../config/config.ts";
import { sameUpstream } from "../config/config.ts";
import type { Attempt } from "../upstream/attempt.ts";
import { Breaker, type BreakerState, REJECTED, signalOf } from "./breaker.ts";

/** Context of {@linkcode Breakers.reconfigure}. */
export interface BreakersOptions {
  /** Clock in milliseconds; must be monotonic. */
  readonly now: () => number;
  /** Called on each change of state; with `open`, also with the time in milliseconds until the probe. */
  onChange(service: Service, state: BreakerState, openForMs?: number): void;
}

/** Breakers of the services of one configuration. */
export class ServiceBreakers {
  readonly #breakers: ReadonlyMap<Service, Breaker>;

  constructor(breakers: ReadonlyMap<Service, Breaker>) {
    this.#breakers = breakers;
  }

  /** Returns the reason why a service must not get a request; `undefined` if it may. */
  unavailableReason(service: Service, isUpload = false): "open-circuit" | undefined {
    return this.#breakers.get(service)?.isRejecting(isUpload) ? "open-circuit" : undefined;
  }

  /** Called when an attempt starts, whether it will be sent or not. */
  started(attempt: Attempt, isUpload = false): void {
    attempt.breakerGeneration = this.#breakers.get(attempt.service)?.tryAcquire(isUpload) ?? REJECTED;
  }

  /** Called when an attempt has settled. */
  settled({ service, outcome, breakerGeneration }: Attempt): void {
    if (breakerGeneration !== REJECTED && outcome !== undefined) {
      this.#breakers.get(service)?.record(breakerGeneration, signalOf(outcome));
    }
  }
}

interface BreakerEntry {
  readonly service: Service;
  readonly breaker: Breaker;
  onChange: BreakersOptions["onChange"];
}

/** Breakers that outlive the configuration. */
export class Breakers {
  readonly #entries = new Map<string, BreakerEntry>();

  /**
   * Takes over a configuration. A service with the same name, address and settings keeps its breaker. Other services
   * get a new one.
   */
  reconfigure(services: readonly Service[], { now, onChange }: BreakersOptions): ServiceBreakers {
    const breakers = new Map<Service, Breaker>();
    const former = new Map(this.#entries);
    this.#entries.clear();
    for (const service of services) {
      const { name, breaker: settings } = service;
      if (settings === undefined) continue;
      const known = former.get(name);
      const entry = known !== undefined && sameUpstream(known.service, service, "breaker")
        ? known
        : this.#create(service, settings, now);
      entry.onChange = onChange;
      this.#entries.set(name, entry);
      breakers.set(service, entry.breaker);
    }
    return new ServiceBreakers(breakers);
  }

  #create(service: Service, settings: BreakerSettings, now: () => number): BreakerEntry {
    const entry: BreakerEntry = {
      service,
      breaker: new Breaker(settings, {
        now,
        onChange: (state, openForMs) => {
          // Attempts of a former configuration still settle, but their breaker is no longer in use.
          if (this.#entries.get(service.name) === entry) entry.onChange(service, state, openForMs);
        },
      }),
      onChange: () => {},
    };
    return entry;
  }
}
