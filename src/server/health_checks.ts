/** Health checks of all services that ask for them, from one configuration to the next. */

import { delay } from "@std/async/delay";
import type { HealthSettings, Service } from "../config/config.ts";
import { sameUpstream } from "../config/same_backend.ts";
import { type Health, HealthCounter } from "../policy/health.ts";
import { isOverload } from "../http/outcome_kinds.ts";
import type { Observer } from "../observe/events.ts";
import { swallowErrors } from "../observe/observers.ts";
import type { Transport } from "../upstream/transport.ts";
import { checkHealth, type CheckResult } from "./health_check.ts";

/** What checking needs. */
export interface HealthChecksOptions {
  /** Sends the checks: what sends the requests, so that all that holds for them holds here. */
  readonly transport: Transport;
  /** Where handlers look. */
  readonly health: Health;
  /** Told when a service becomes unhealthy or healthy. */
  readonly observe: Observer;
  /**
   * Yields numbers from 0 to 1.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

/** How much shorter or longer a pause may be: many conductors must not check at the same moment. */
const JITTER = 0.1;

/** A service that is being checked. */
interface CheckedService {
  /** As the newest configuration has it. */
  service: Service;
  readonly settings: HealthSettings;
  readonly stopping: AbortController;
  /** Fulfilled when it is checked no more. */
  readonly ended: Promise<void>;
}

/** Checks that run until they are stopped. */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #notify: Observer;
  readonly #checked = new Map<string, CheckedService>();
  #isOver = false;

  /**
   * Checks nothing yet.
   *
   * @param options The means, and whom to tell.
   */
  constructor(options: HealthChecksOptions) {
    this.#options = options;
    this.#notify = swallowErrors(options.observe);
  }

  /**
   * Follows a configuration. A service that is checked already, at the same place and in the same way, keeps its state;
   * others count as healthy until they have been checked, at once for the first time.
   *
   * @param services The services of the configuration.
   */
  reconfigure(services: readonly Service[]): void {
    if (this.#isOver) return;
    const next = new Map(services.map((service) => [service.name, service]));
    for (const checked of [...this.#checked.values()]) {
      const service = next.get(checked.service.name);
      if (service !== undefined && sameUpstream(checked.service, service, "health")) checked.service = service;
      else this.#forget(checked);
    }
    for (const service of services) {
      if (service.health !== undefined && !this.#checked.has(service.name)) this.#start(service, service.health);
    }
  }

  /**
   * Ends all checks for good, those under way included. The states stay as they are.
   *
   * @returns A promise that is fulfilled when nothing is under way.
   */
  async stop(): Promise<void> {
    this.#isOver = true;
    const checked = [...this.#checked.values()];
    for (const { stopping } of checked) stopping.abort();
    await Promise.all(checked.map(({ ended }) => ended));
  }

  #start(service: Service, settings: HealthSettings): void {
    const ended = Promise.withResolvers<void>();
    const checked: CheckedService = { service, settings, stopping: new AbortController(), ended: ended.promise };
    this.#checked.set(service.name, checked);
    this.#keepChecking(checked).then(ended.resolve);
  }

  #forget(checked: CheckedService): void {
    checked.stopping.abort();
    this.#checked.delete(checked.service.name);
    this.#options.health.set(checked.service.name, "healthy");
  }

  async #keepChecking(checked: CheckedService): Promise<void> {
    const { settings, stopping: { signal } } = checked;
    const tally = new HealthCounter(settings);
    while (!signal.aborted) {
      const result = await checkHealth(checked.service, settings, { transport: this.#options.transport, signal });
      // What we have no descriptor for says nothing about the service.
      if (!signal.aborted && (result.failure === undefined || !isOverload(result.failure))) {
        this.#take(result, tally, checked.service);
      }
      await delay(this.#pauseMs(settings), { signal }).catch(() => {});
    }
  }

  #take(result: CheckResult, tally: HealthCounter, { name }: Service): void {
    const state = tally.count(result.isGood);
    if (state === undefined) return;
    this.#options.health.set(name, state);
    const { isGood: _, ...why } = result;
    this.#notify({ type: "health", service: name, state, ...why });
  }

  #pauseMs({ intervalMs }: HealthSettings): number {
    const { random = Math.random } = this.#options;
    return intervalMs * (1 - JITTER + 2 * JITTER * random());
  }
}
