/** Minimum rate of one upload. Otherwise one byte per `timeout` would hold a permit for hours. */

import type { LocalReply } from "../http/client_response.ts";

/** Exchange that the upload belongs to. */
export interface UploadListener {
  /** True while a service's response is being relayed to the client. */
  readonly isRelaying: boolean;
  /** Called when the body has arrived completely or is no longer read. */
  onUploaded(): void;
}

/** Limits of an upload. */
export interface UploadBounds {
  /** Grace period in milliseconds, before the rate counts. */
  readonly timeoutMs: number;
  /** Minimum average rate in bytes per second; 0: no minimum. */
  readonly minBytesPerSecond: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

const SLOW: LocalReply = { status: 408, detail: "The request body arrived too slowly", reason: "slow-upload" };

/**
 * Measures the upload rate of one client. Only waiting for the client counts, because a slow service is not its fault.
 */
export class UploadWatch {
  readonly #listener: UploadListener;
  readonly #bounds: UploadBounds;
  #waitingSinceMs = 0;
  #waitedMs = 0;

  /** Allows `timeoutMs` of waiting, plus the time of each received byte at the minimum rate. */
  constructor(listener: UploadListener, bounds: UploadBounds) {
    this.#listener = listener;
    this.#bounds = bounds;
  }

  /** Called before each read. */
  waiting(): void {
    this.#waitingSinceMs = this.#bounds.now();
  }

  /**
   * Returns a problem if the upload is too slow. After a response has begun, the exchange may be a two-way stream, and
   * the service decides on its pace.
   */
  arrived(receivedBytes: number): LocalReply | undefined {
    const { now, timeoutMs, minBytesPerSecond } = this.#bounds;
    this.#waitedMs += now() - this.#waitingSinceMs;
    const grantedMs = timeoutMs + receivedBytes * 1_000 / minBytesPerSecond;
    return this.#waitedMs > grantedMs && !this.#listener.isRelaying ? SLOW : undefined;
  }

  /** Called when the body is no longer read. */
  ended(): void {
    this.#listener.onUploaded();
  }
}
