/** How many are in flight under a name, and how many may be. */

/** Gives a place back; a second call changes nothing. */
export type GiveBack = () => void;

const NOTHING_TAKEN: GiveBack = () => {};

/** So many names without a taken place are kept: to delete each and add it again costs collections. */
const MAX_UNUSED = 1_024;

/** Places that are taken and given back. */
export class Tally {
  #counts = new Map<string, number>();
  /** How many names have no taken place. */
  #unused = 0;

  /**
   * Takes a place.
   *
   * @param name Whose place it is.
   * @param max How many there are under this name; with `Infinity` nothing is counted.
   * @returns The means to give it back, or `undefined` where all are taken.
   */
  take(name: string, max: number): GiveBack | undefined {
    if (max === Infinity) return NOTHING_TAKEN;
    const taken = this.#counts.get(name);
    if (taken !== undefined && taken >= max) return undefined;
    if (taken === 0) this.#unused--;
    this.#counts.set(name, (taken ?? 0) + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#giveBack(name);
    };
  }

  #giveBack(name: string): void {
    const left = this.#counts.get(name)! - 1;
    this.#counts.set(name, left);
    if (left === 0 && ++this.#unused > MAX_UNUSED) this.#forgetUnused();
  }

  #forgetUnused(): void {
    this.#counts = new Map([...this.#counts].filter(([, count]) => count > 0));
    this.#unused = 0;
  }
}
