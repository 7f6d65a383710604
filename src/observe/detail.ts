/** What an event is about, for observers inside conductor: it has what events leave out, secrets among it. */

import type { Attempt } from "../exchange/attempt.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { ConductorEvent } from "./events.ts";

/** What an event of an exchange is about. Nothing is copied: who keeps any of it takes care of secrets and of memory. */
export class EventDetail {
  /** The client's request; the same object in all events of an exchange. */
  readonly inbound: Inbound;
  /** The attempt; absent where the event is about none. */
  readonly attempt: Attempt | undefined;

  /**
   * Refers to both.
   *
   * @param inbound The client's request.
   * @param attempt The attempt. Default: none.
   */
  constructor(inbound: Inbound, attempt?: Attempt) {
    this.inbound = inbound;
    this.attempt = attempt;
  }
}

/** An observer that may look at what an event is about; absent where the event is about no exchange. */
export type DetailedObserver = (event: ConductorEvent, detail?: EventDetail) => void;
