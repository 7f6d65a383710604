/** Results of the health checks. The server runs the checks themselves. */

import type { HealthSettings, Service } from "../config/config.ts";

/** State of a service according to its health checks. */
export type HealthState = "healthy" | "unhealthy";

/** Counts consecutive checks of one service. A new service is healthy. */
export class HealthCounter {
  readonly #settings: Pick<HealthSettings, "healthyAfter" | "unhealthyAfter">;
  #state: HealthState = "healthy";
  /** Consecutive checks that contradict the state. */
  #contradictions = 0;

  constructor(settings: Pick<HealthSettings, "healthyAfter" | "unhealthyAfter">) {
    this.#settings = settings;
  }

  /** Counts a check, and returns the new state if it has changed. */
  count(isGood: boolean): HealthState | undefined {
    const { healthyAfter, unhealthyAfter } = this.#settings;
    const isHealthy = this.#state === "healthy";
    this.#contradictions = isGood === isHealthy ? 0 : this.#contradictions + 1;
    if (this.#contradictions < (isHealthy ? unhealthyAfter : healthyAfter)) return undefined;
    this.#contradictions = 0;
    return this.#state = isHealthy ? "unhealthy" : "healthy";
  }
}

/** Unhealthy services of a running conductor, by name. */
export class Health {
  readonly #unhealthy = new Set<string>();

  /** Sets the state of a service. */
  set(name: string, state: HealthState): void {
    if (state === "unhealthy") this.#unhealthy.add(name);
    else this.#unhealthy.delete(name);
  }

  /** Returns the reason why a service must not get a request; `undefined` if it may. */
  unavailableReason({ name }: Service): "unhealthy" | undefined {
    return this.#unhealthy.has(name) ? "unhealthy" : undefined;
  }
}
