/** Which services answer their health checks; who checks is the server's business. */

import type { HealthSettings, Service } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";

/** Whether a service is sent requests, as far as its checks go. */
export type HealthState = "healthy" | "unhealthy";

/** What one service's checks have come to. */
export class HealthCounter {
  readonly #settings: Pick<HealthSettings, "healthyAfter" | "unhealthyAfter">;
  #state: HealthState = "healthy";
  /** How many checks in a row have spoken against the state. */
  #against = 0;

  /**
   * Starts healthy.
   *
   * @param settings How many checks in a row it takes to change that, and back.
   */
  constructor(settings: Pick<HealthSettings, "healthyAfter" | "unhealthyAfter">) {
    this.#settings = settings;
  }

  /**
   * Counts a check.
   *
   * @param isGood How it went.
   * @returns The new state where it has changed.
   */
  count(isGood: boolean): HealthState | undefined {
    const { healthyAfter, unhealthyAfter } = this.#settings;
    const isHealthy = this.#state === "healthy";
    this.#against = isGood === isHealthy ? 0 : this.#against + 1;
    if (this.#against < (isHealthy ? unhealthyAfter : healthyAfter)) return undefined;
    this.#against = 0;
    return this.#state = isHealthy ? "unhealthy" : "healthy";
  }
}

/** The services of a running conductor that are known to be unhealthy, by name. */
export class Health {
  readonly #unhealthy = new Set<string>();

  /**
   * Takes note of a service's state.
   *
   * @param name The service's name.
   * @param state Its state.
   */
  set(name: string, state: HealthState): void {
    if (state === "unhealthy") this.#unhealthy.add(name);
    else this.#unhealthy.delete(name);
  }

  /**
   * Tells whether a service is to be left alone.
   *
   * @param service The service.
   * @returns Why; `undefined` where it may be asked.
   */
  unavailableReason({ name }: Service): SkipReason | undefined {
    return this.#unhealthy.has(name) ? "unhealthy" : undefined;
  }
}
