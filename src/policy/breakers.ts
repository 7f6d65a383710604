/** The breakers of a running conductor, by the names of their services, from one configuration to the next. */

import type { BreakerSettings, Service } from "../config/config.ts";
import { sameUpstream } from "../config/same_backend.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import { Breaker, type BreakerState, REJECTED, signalOf } from "./breaker.ts";
import type { Attempt } from "../upstream/attempt.ts";

/** What breakers need beside the services. */
export interface BreakersOptions {
  /** The clock, in milliseconds; it must not go backwards. */
  readonly now: () => number;
  /** Told of each change of state, and with `open` for how many milliseconds. */
  onChange(service: Service, state: BreakerState, openForMs?: number): void;
}

/** The breakers of one configuration's services. */
export class ServiceBreakers {
  readonly #breakers: ReadonlyMap<Service, Breaker>;

  /**
   * Holds the breakers of those services that have one.
   *
   * @param breakers The breakers.
   */
  constructor(breakers: ReadonlyMap<Service, Breaker>) {
    this.#breakers = breakers;
  }

  /**
   * Tells whether a service is to be left alone.
   *
   * @param service The service.
   * @param isUpload Whether the request's body is still arriving.
   * @returns Why; `undefined` where it may be asked.
   */
  unavailableReason(service: Service, isUpload = false): SkipReason | undefined {
    return this.#breakers.get(service)?.isRejecting(isUpload) ? "open-circuit" : undefined;
  }

  /**
   * Takes note of an attempt that starts, whether it will be sent or not.
   *
   * @param attempt The attempt.
   * @param isUpload Whether the request's body is still arriving.
   */
  enter(attempt: Attempt, isUpload = false): void {
    attempt.breakerGeneration = this.#breakers.get(attempt.service)?.tryAcquire(isUpload) ?? REJECTED;
  }

  /**
   * Takes note of how an attempt has settled.
   *
   * @param attempt The attempt.
   */
  leave({ service, outcome, breakerGeneration }: Attempt): void {
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

/** What is kept of breakers when a configuration is replaced. */
export class Breakers {
  readonly #kept = new Map<string, BreakerEntry>();

  /**
   * Follows a configuration. A service of the same name, at the same place and with the same settings keeps its breaker;
   * others start anew, and those that are gone are forgotten.
   *
   * @param services The services of the configuration.
   * @param options The clock, and whom to tell from now on.
   * @returns The services' breakers.
   */
  reconfigure(services: readonly Service[], { now, onChange }: BreakersOptions): ServiceBreakers {
    const breakers = new Map<Service, Breaker>();
    const former = new Map(this.#kept);
    this.#kept.clear();
    for (const service of services) {
      const { name, breaker: settings } = service;
      if (settings === undefined) continue;
      const known = former.get(name);
      const kept = known !== undefined && sameUpstream(known.service, service, "breaker")
        ? known
        : this.#create(service, settings, now);
      kept.onChange = onChange;
      this.#kept.set(name, kept);
      breakers.set(service, kept.breaker);
    }
    return new ServiceBreakers(breakers);
  }

  #create(service: Service, settings: BreakerSettings, now: () => number): BreakerEntry {
    const kept: BreakerEntry = {
      service,
      breaker: new Breaker(settings, {
        now,
        onChange: (state, openForMs) => {
          // Attempts of a former configuration still end, but nobody goes by their breaker any more.
          if (this.#kept.get(service.name) === kept) kept.onChange(service, state, openForMs);
        },
      }),
      onChange: () => {},
    };
    return kept;
  }
}
