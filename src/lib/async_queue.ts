/** An unbounded queue with asynchronous readers. */

/**
 * A queue whose readers may wait for values. Values and readers are served in order.
 *
 * @example Usage
 * ```ts ignore
 * const queue = new AsyncQueue<string>();
 * const next = queue.next();
 * queue.push("a");
 * await next; // "a"
 * ```
 */
export class AsyncQueue<T> {
  #values: T[] = [];
  #readers: ((value: T) => void)[] = [];

  /** Passes a value to the first waiting reader, or stores it. */
  push(value: T): void {
    const resolve = this.#readers.shift();
    if (resolve === undefined) this.#values.push(value);
    else resolve(value);
  }

  /** Resolves to the oldest value, as soon as there is one. */
  next(): Promise<T> {
    const [value] = this.#values.splice(0, 1);
    return value === undefined ? new Promise((resolve) => this.#readers.push(resolve)) : Promise.resolve(value);
  }
}
