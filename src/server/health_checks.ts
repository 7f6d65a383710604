/** Periodic health checks of all services, across configuration changes. */

import { delay } from "@std/async/delay";
import type { HealthSettings, Service } from "../config/config.ts";
import { sameUpstream } from "../config/config.ts";
import { type Health, HealthCounter } from "../policy/health.ts";
import { isOverload } from "../http/outcome_kinds.ts";
import type { Observer } from "../observe/events.ts";
import { failureDetail } from "../observe/failure_detail.ts";
import type { Redaction } from "../observe/redaction.ts";
import { swallowErrors } from "../observe/observers.ts";
import type { Transport } from "../upstream/transport.ts";
import { checkHealth, type CheckResult } from "./health_check.ts";

/** Dependencies of {@linkcode HealthChecks}. */
export interface HealthChecksOptions {
  /** Sends the checks. The same transport as for requests, so that both take the same path. */
  readonly transport: Transport;
  /** Health states that the handlers read. */
  readonly health: Health;
  /** Returns the redaction of messages; called for each message, because a reload may replace it. */
  readonly redaction: () => Redaction;
  /** Called when a service becomes unhealthy or healthy. */
  readonly observe: Observer;
  /**
   * Source of random numbers from 0 to 1.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

/** Maximum deviation of a pause, as a ratio: many instances must not check at the same moment. */
const JITTER = 0.1;

/** A service with periodic checks. */
interface CheckedService {
  /** The service in the newest configuration. */
  service: Service;
  readonly settings: HealthSettings;
  readonly stopping: AbortController;
  /** Resolves when the checks have stopped. */
  readonly ended: Promise<void>;
}

/** Checks services until stopped. */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #notify: Observer;
  readonly #services = new Map<string, CheckedService>();
  #isStopped = false;

  /** Starts no check. */
  constructor(options: HealthChecksOptions) {
    this.#options = options;
    this.#notify = swallowErrors(options.observe);
  }

  /**
   * Takes over the services of a configuration. A service with the same address and check keeps its state. Other
   * services count as healthy until their first check, which starts at once.
   */
  reconfigure(services: readonly Service[]): void {
    if (this.#isStopped) return;
    const next = new Map(services.map((service) => [service.name, service]));
    for (const checked of [...this.#services.values()]) {
      const service = next.get(checked.service.name);
      if (service !== undefined && sameUpstream(checked.service, service, "health")) checked.service = service;
      else this.#forget(checked);
    }
    for (const service of services) {
      if (service.health !== undefined && !this.#services.has(service.name)) this.#start(service, service.health);
    }
  }

  /**
   * Stops all checks and aborts those in progress. The states stay as they are. Resolves when no check is in progress.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const checked = [...this.#services.values()];
    for (const { stopping } of checked) stopping.abort();
    await Promise.all(checked.map(({ ended }) => ended));
  }

  #start(service: Service, settings: HealthSettings): void {
    // Not `Promise.withResolvers`, which Node 20 lacks.
    let onEnd = () => {};
    const ended = new Promise<void>((resolve) => onEnd = resolve);
    const checked: CheckedService = { service, settings, stopping: new AbortController(), ended };
    this.#services.set(service.name, checked);
    this.#run(checked).then(onEnd);
  }

  #forget(checked: CheckedService): void {
    checked.stopping.abort();
    this.#services.delete(checked.service.name);
    this.#options.health.set(checked.service.name, "healthy");
  }

  async #run(checked: CheckedService): Promise<void> {
    const { settings, stopping: { signal } } = checked;
    const tally = new HealthCounter(settings);
    while (!signal.aborted) {
      const result = await checkHealth(checked.service, settings, { transport: this.#options.transport, signal });
      // A lack of file descriptors or ports says nothing about the service.
      if (!signal.aborted && (result.failure === undefined || !isOverload(result.failure))) {
        this.#record(result, tally, checked.service);
      }
      await delay(this.#nextPauseMs(settings), { signal }).catch(() => {});
    }
  }

  #record({ status, failure, error, isExpected }: CheckResult, tally: HealthCounter, service: Service): void {
    const state = tally.count(isExpected);
    if (state === undefined) return;
    const { name } = service;
    this.#options.health.set(name, state);
    const why = failure === undefined
      ? { ...(status !== undefined && { status }) }
      : { failure, ...failureDetail(failure, error, { service, redaction: this.#options.redaction() }) };
    this.#notify({ type: "health", service: name, state, ...why });
  }

  #nextPauseMs({ intervalMs }: HealthSettings): number {
    const { random = Math.random } = this.#options;
    return intervalMs * (1 - JITTER + 2 * JITTER * random());
  }
}
