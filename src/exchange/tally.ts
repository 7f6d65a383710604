/** How many are in flight under a name, and how many may be. */

/** Gives a place back; a second call changes nothing. */
export type GiveBack = () => void;

const NOTHING_TAKEN: GiveBack = () => {};

/** Places that are taken and given back. Names without a taken place cost nothing. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /**
   * Takes a place.
   *
   * @param name Whose place it is.
   * @param max How many there are under this name; with `Infinity` nothing is counted.
   * @returns The means to give it back, or `undefined` where all are taken.
   */
  take(name: string, max: number): GiveBack | undefined {
    if (max === Infinity) return NOTHING_TAKEN;
    const taken = this.#counts.get(name) ?? 0;
    if (taken >= max) return undefined;
    this.#counts.set(name, taken + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const left = this.#counts.get(name)! - 1;
      if (left > 0) this.#counts.set(name, left);
      else this.#counts.delete(name);
    };
  }
}
