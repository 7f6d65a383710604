/** Turns changes of breakers into events. */

import type { BreakersOptions } from "../policy/breakers.ts";
import type { Observer } from "./events.ts";

/**
 * Reports the breakers of a configuration.
 *
 * @param observe Who listens, and never throws. Absent: nobody.
 * @returns What is to be told of each change.
 */
export function observeBreakers(observe: Observer | undefined): BreakersOptions["onChange"] {
  return ({ name }, state, openForMs) =>
    observe?.({ type: "breaker", service: name, state, ...(openForMs === undefined ? {} : { openForMs }) });
}
