/** What an event is about, for observers inside conductor: it has what events leave out, secrets among it. */

import type { AttemptView } from "../upstream/attempt.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { ConductorEvent } from "./events.ts";

/** What an event of an exchange is about. Nothing is copied: who keeps any of it takes care of secrets and of memory. */
export class EventContext {
  /** Stands for the exchange: the same object in all its events. */
  readonly exchange: WeakKey;
  /** The attempt; absent where the event is about none. */
  readonly attempt: AttemptView | undefined;
  /** The client's request, in `received`; absent later, when no more of it is kept than is told. */
  readonly clientRequest: ReceivedRequest | undefined;

  /**
   * Refers to all of them.
   *
   * @param exchange Stands for the exchange.
   * @param attempt The attempt. Default: none.
   * @param clientRequest The client's request. Default: it was told before.
   */
  constructor(exchange: WeakKey, attempt?: AttemptView, clientRequest?: ReceivedRequest) {
    this.exchange = exchange;
    this.attempt = attempt;
    this.clientRequest = clientRequest;
  }
}

/** An observer that may look at what an event is about; absent where the event is about no exchange. */
export type DetailedObserver = (event: ConductorEvent, detail?: EventContext) => void;
