/** Observers may throw, and whatever they are told of must not notice. */

import type { DetailedObserver } from "./detail.ts";

/**
 * Makes an observer that can be told without care.
 *
 * @param observe Who listens; what it throws is dropped. Absent: nobody.
 * @returns An observer that never throws.
 */
export function swallowErrors(observe: DetailedObserver | undefined): DetailedObserver {
  return (event, detail) => {
    try {
      observe?.(event, detail);
    } catch {
      // An observer's fault is nobody else's.
    }
  };
}
