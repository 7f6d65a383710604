/** Values of the previous comparison, in bounded memory. */

import type { SameFormValues } from "./difference_traits.ts";

type Hashes = SameFormValues["hashes"];

/** Maximum values: at most 2 MiB. Above it, those of the endpoint that was first seen are forgotten. */
const MAX_VALUES = 20_000;

/** Location of a value. `undefined` as service: comparisons of the primary with itself. */
export interface ValuePlace {
  readonly route: string;
  readonly endpoint: string;
  readonly service: string | undefined;
}

/**
 * Remembers the values of the previous comparison at each endpoint. Outlives a period of counts, because an endpoint
 * with one request per minute would otherwise have no previous comparison.
 */
export class PreviousValues {
  readonly #byPlace = new Map<string, Map<string, Hashes>>();
  readonly #maxValues: number;
  #count = 0;

  /** Creates an empty memory for `maxValues`. */
  constructor(maxValues: number = MAX_VALUES) {
    this.#maxValues = maxValues;
  }

  /** Stores the hashes of the values at a path, and returns those of the previous comparison. */
  exchange({ route, endpoint, service = "" }: ValuePlace, path: string, hashes: Hashes): Hashes | undefined {
    const key = `${route}\n${endpoint}\n${service}`;
    const known = this.#byPlace.get(key);
    const values = known ?? new Map<string, Hashes>();
    if (known === undefined) this.#byPlace.set(key, values);
    const before = values.get(path);
    values.set(path, hashes);
    if (before === undefined && ++this.#count > this.#maxValues) this.#forgetFirst();
    return before;
  }

  #forgetFirst(): void {
    const [first] = this.#byPlace;
    if (first === undefined) return;
    this.#byPlace.delete(first[0]);
    this.#count -= first[1].size;
  }
}
