/** Observers inside conductor: they see more than the public events, secrets included. */

import type { ReceivedRequest } from "../http/received_request.ts";
import type { BreakersOptions } from "../policy/breakers.ts";
import type { AttemptView } from "../upstream/attempt.ts";
import type { ConductorEvent, Observer } from "./events.ts";

/**
 * Subject of an event. Observers that keep parts of it must redact secrets and copy those parts: a reference keeps the
 * memory of the whole exchange.
 */
export class EventContext {
  /** Identity of the exchange: the same object in all its events. */
  readonly exchange: WeakKey;
  /** The attempt; absent if the event concerns the whole exchange. */
  readonly attempt: AttemptView | undefined;
  /** The client's request in a `received` event; absent in later events, because its memory is released by then. */
  readonly clientRequest: ReceivedRequest | undefined;
  /** True if no other event follows that concerns the client. Absent from `relayed`, which is always the last one. */
  readonly isEnd: boolean;

  constructor(exchange: WeakKey, attempt?: AttemptView, clientRequest?: ReceivedRequest, isEnd = false) {
    this.exchange = exchange;
    this.attempt = attempt;
    this.clientRequest = clientRequest;
    this.isEnd = isEnd;
  }
}

/** Observer with access to the subject of an event. The context is absent if the event concerns no exchange. */
export type DetailedObserver = (event: ConductorEvent, context?: EventContext) => void;

/**
 * Wraps an observer so that its errors do not reach the request. Rejections of an asynchronous observer are ignored
 * too, because an unhandled one ends the process.
 */
export function swallowErrors(observe: DetailedObserver): DetailedObserver {
  return (event, context) => {
    try {
      const result: unknown = observe(event, context);
      if (result !== undefined) Promise.resolve(result).catch(() => {});
    } catch {
      // An error of an observer must not affect the request.
    }
  };
}

/** Returns the listener that reports changes of breakers as events. The observer must not throw. */
export function observeBreakers(observe: Observer | undefined): BreakersOptions["onChange"] {
  return ({ name }, state, openForMs) =>
    observe?.({ type: "breaker", service: name, state, ...(openForMs === undefined ? {} : { openForMs }) });
}
