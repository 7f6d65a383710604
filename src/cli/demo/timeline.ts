/** What happened to one request, put together from its events. */

import type { Role } from "../../config/config.ts";
import type { ConductorEvent, Observer, RespondedEvent, SettledEvent } from "../../observe/events.ts";
import { Arrivals } from "../../server/arrivals.ts";

/** One service's part in a request. */
export interface TimelineBar {
  /** The service's name. */
  readonly service: string;
  /** Its role. */
  readonly role: Role;
  /** When the attempt started, in milliseconds after the request had arrived. */
  readonly startMs: number;
  /** When it settled, in milliseconds after the request had arrived. */
  readonly endMs: number;
  /** How it settled. */
  readonly outcome: Pick<SettledEvent, "success" | "status" | "failure">;
}

/** One request from its arrival to the last copy. */
export interface Timeline {
  /** What the client got, and when. */
  readonly answer: RespondedEvent;
  /** The services, in the order in which they were asked. */
  readonly bars: readonly TimelineBar[];
}

interface Exchange {
  readonly startedMs: Map<string, number>;
  readonly settled: SettledEvent[];
  answer?: { readonly event: RespondedEvent; readonly arrivedMs: number };
}

/** Collects the events of requests until nothing of them is in flight. */
export class TimelineRecorder {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #complete = new Arrivals<Timeline>();
  readonly #now: () => number;

  /**
   * Starts with nothing.
   *
   * @param now The clock, in milliseconds.
   */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The observer to give to the handler. */
  readonly observe: Observer = (event) => {
    if (!("requestId" in event)) return;
    const exchange = this.#exchanges.getOrInsertComputed(
      event.requestId,
      () => ({ startedMs: new Map(), settled: [] }),
    );
    this.#note(exchange, event);
    const { answer, startedMs, settled } = exchange;
    if (answer === undefined || settled.length < startedMs.size) return;
    this.#exchanges.delete(event.requestId);
    this.#complete.push({
      answer: answer.event,
      bars: [...startedMs].flatMap(([service, started]) => {
        const end = settled.find((event) => event.service === service);
        if (end === undefined) return [];
        const { role, success, status, failure, durationMs } = end;
        const startMs = Math.max(0, started - answer.arrivedMs);
        const outcome = { success, ...(status !== undefined && { status }), ...(failure !== undefined && { failure }) };
        return [{ service, role, startMs, endMs: startMs + durationMs, outcome }];
      }),
    });
  };

  /**
   * Takes the next request of which nothing is in flight any more.
   *
   * @returns Its timeline.
   */
  next(): Promise<Timeline> {
    return this.#complete.next();
  }

  #note(exchange: Exchange, event: ConductorEvent): void {
    if (event.type === "attempted") exchange.startedMs.set(event.service, this.#now());
    if (event.type === "settled") exchange.settled.push(event);
    if (event.type === "responded") exchange.answer = { event, arrivedMs: this.#now() - event.durationMs };
  }
}
