/** What a running conductor knows of itself, and keeps when its configuration is replaced. */

/** One running conductor. */
export interface Instance {
  /** Its name in Via, by which it knows its own requests when they come back. */
  readonly pseudonym: string;
}

/**
 * Makes an instance with a name of its own.
 *
 * @returns The instance.
 */
export function createInstance(): Instance {
  return { pseudonym: `conductor-${crypto.randomUUID().slice(0, 8)}` };
}
