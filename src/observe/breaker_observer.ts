/** Turns changes of breakers into events. */

import type { BreakersOptions } from "../exchange/breakers.ts";
import type { Observer } from "./events.ts";
import { guarded } from "./guarded.ts";

/**
 * Reports the breakers of a configuration.
 *
 * @param observe Who listens; what it throws is dropped. Absent: nobody.
 * @returns What is to be told of each change.
 */
export function observeBreakers(observe: Observer | undefined): BreakersOptions["onChange"] {
  const notify = guarded(observe);
  return ({ name }, state, openForMs) =>
    notify({ type: "breaker", service: name, state, ...(openForMs === undefined ? {} : { openForMs }) });
}
