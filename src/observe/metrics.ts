/** Stands in until the counters are there; the merge replaces this file. */

import type { Config } from "../config/config.ts";
import type { BreakerState } from "../exchange/breaker.ts";
import type { HealthState } from "../exchange/health.ts";
import type { Observer } from "./events.ts";
import type { MetricsSnapshot } from "./metrics_snapshot.ts";

/** Knows the states of services, and counts nothing. */
export class Metrics {
  readonly #startedMs = Date.now();
  readonly #breakers = new Map<string, BreakerState>();
  readonly #health = new Map<string, HealthState>();
  #lastRequestMs = 0;
  #services: Config["services"] = [];

  /** The observer to give to the handler. */
  readonly observe: Observer = (event) => {
    if (event.type === "breaker") this.#breakers.set(event.service, event.state);
    if (event.type === "health") this.#health.set(event.service, event.state);
    if (event.type === "responded") this.#lastRequestMs = Date.now();
  };

  /**
   * Follows a configuration.
   *
   * @param config The configuration.
   */
  follow({ services }: Config): void {
    this.#services = services;
  }

  /**
   * Reads the counters.
   *
   * @returns What they say.
   */
  snapshot(): MetricsSnapshot {
    return {
      startedMs: this.#startedMs,
      lastRequestMs: this.#lastRequestMs,
      routes: [],
      services: [],
      states: this.#services.map(({ name, breaker, health }) => ({
        service: name,
        ...(breaker !== undefined && { breaker: this.#breakers.get(name) ?? "closed" }),
        ...(health !== undefined && { health: this.#health.get(name) ?? "healthy" }),
      })),
    };
  }
}
