/** Things that arrive, for one reader that takes them in turn. */

/** A queue whose reader may come before or after what it reads. */
export class AsyncQueue<T> {
  #arrived: T[] = [];
  #waiting: ((value: T) => void)[] = [];

  /**
   * Hands a value to the reader.
   *
   * @param value What has arrived.
   */
  push(value: T): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#arrived.push(value);
    else resolve(value);
  }

  /**
   * Takes the next value, in the order of arrival.
   *
   * @returns The value, as soon as there is one.
   */
  next(): Promise<T> {
    const [value] = this.#arrived.splice(0, 1);
    return value === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(value);
  }
}
