/** What a running conductor knows of itself, and keeps when its configuration is replaced. */

import { Admission } from "./admission.ts";
import { Tally } from "./tally.ts";

/** One running conductor. */
export interface Instance {
  /** Its name in Via, by which it knows its own requests when they come back. */
  readonly pseudonym: string;
  /** The exchanges that are in flight. */
  readonly admission: Admission;
  /** The attempts that are in flight, by the name of their service. */
  readonly attempts: Tally;
}

/**
 * Makes an instance with a name of its own.
 *
 * @returns The instance.
 */
export function createInstance(): Instance {
  return {
    pseudonym: `conductor-${crypto.randomUUID().slice(0, 8)}`,
    admission: new Admission(),
    attempts: new Tally(),
  };
}
