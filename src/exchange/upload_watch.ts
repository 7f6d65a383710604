/** Progress of one upload: a client must not hold its place for hours with one byte per `timeout`. */

import type { Problem } from "./problem.ts";

/** Exchange that the upload belongs to. */
export interface UploadOwner {
  /** Reports whether a service's response is on its way to the client. */
  readonly isRelaying: boolean;
  /** Called when the body has arrived completely, or no more of it is read. */
  onUploaded(): void;
}

/** Bounds of an upload. */
export interface UploadBounds {
  /** Time granted before the rate counts, in milliseconds. */
  readonly timeoutMs: number;
  /** Minimum average rate in bytes per second; 0: none. */
  readonly minBytesPerSecond: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

const SLOW: Problem = { status: 408, detail: "The request body arrived too slowly", reason: "slow-upload" };

/**
 * Measures the time spent waiting for the client, and no other: a service that takes a body slowly must not count against
 * the client.
 */
export class UploadWatch {
  readonly #owner: UploadOwner;
  readonly #bounds: UploadBounds;
  #waitingSinceMs = 0;
  #waitedMs = 0;

  /** Grants `timeoutMs` of waiting, and the time that each received byte takes at the minimum rate. */
  constructor(owner: UploadOwner, bounds: UploadBounds) {
    this.#owner = owner;
    this.#bounds = bounds;
  }

  /** Called before each read. */
  waiting(): void {
    this.#waitingSinceMs = this.#bounds.now();
  }

  /**
   * Returns a problem if the upload is too slow. An exchange that is already being responded to goes both ways, as a
   * stream of messages does, and its pace is the service's business.
   */
  arrived(receivedBytes: number): Problem | undefined {
    const { now, timeoutMs, minBytesPerSecond } = this.#bounds;
    this.#waitedMs += now() - this.#waitingSinceMs;
    const grantedMs = timeoutMs + receivedBytes * 1_000 / minBytesPerSecond;
    return this.#waitedMs > grantedMs && !this.#owner.isRelaying ? SLOW : undefined;
  }

  /** Called when no more is read. */
  ended(): void {
    this.#owner.onUploaded();
  }
}
