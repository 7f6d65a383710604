/** The idle connections to one backend. */

import type { LoopTurns } from "../../lib/loop_turns.ts";
import { isRepeatable } from "../repeatable.ts";
import type { TransportRequest, TransportResult } from "../transport.ts";
import { Connection } from "./connection.ts";
import { ConnectionBuffers } from "./connection_buffers.ts";
import { Dialer, type Endpoint } from "./dial.ts";
import type { BodyMeans } from "./response_body.ts";
import { UpstreamFailure } from "../upstream_failure.ts";

/** Idle connections that are kept to one backend. */
const MAX_IDLE = 256;
/** How long one is kept, in milliseconds; less where the backend says so. */
const IDLE_TIMEOUT_MS = 60_000;
/**
 * A request that must not be repeated goes out on a connection that was in use this short a time ago, in milliseconds,
 * or on a new one: servers wait longer than that, so that their closing and our request can not pass each other.
 */
const RECENT_MS = 1_000;
/** Servers that close after each answer without a word do so within this time, in milliseconds. */
const SILENT_CLOSE_MS = 10;

/** Options of a pool. */
export interface PoolOptions extends BodyMeans {
  /** The backend. */
  readonly endpoint: Endpoint;
  /** Its authority, for the Host field. */
  readonly authority: string;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** Told when a connection has become idle. */
  onIdle(): void;
}

/** The connections to one backend. */
export class Pool {
  /** Of connections that have been closed. */
  readonly buffers: ConnectionBuffers = new ConnectionBuffers();
  readonly #options: PoolOptions;
  readonly #dialer: Dialer;
  /** The one that was used last is used next: the others get to their time-out. */
  #idle: Connection[] = [];

  /**
   * Holds no connection at first.
   *
   * @param options The backend.
   */
  constructor(options: PoolOptions) {
    this.#options = options;
    this.#dialer = new Dialer(options.endpoint);
  }

  /**
   * Sends a request over an idle connection, or a new one.
   *
   * @param request The request.
   * @returns The response, or how it failed. Never rejects.
   */
  exchange(request: TransportRequest): Promise<TransportResult> {
    return this.#takeIdle(isRepeatable(request))?.exchange(request) ?? this.#exchangeAnew(request);
  }

  /**
   * Sends a request again, over a new connection, where that is allowed.
   *
   * @param request What was sent over a connection that had died.
   * @param head Its head, as it was sent.
   * @returns What came of it, or `undefined` where it must not be sent again.
   */
  onStale(request: TransportRequest, head: Uint8Array<ArrayBuffer>): Promise<TransportResult> | undefined {
    return isRepeatable(request) ? this.#exchangeAnew(request, head) : undefined;
  }

  /** Whether the memory of a body's piece is given back when the next one is asked for. */
  get reclaims(): boolean {
    return this.#options.reclaims;
  }

  /** Turns of the event loop for bodies that are mostly framing. */
  get turns(): LoopTurns {
    return this.#options.turns;
  }

  /** The backend's authority, for the Host field. */
  get authority(): string {
    return this.#options.authority;
  }

  /**
   * Takes a connection back.
   *
   * @param connection It can be used again.
   */
  onIdle(connection: Connection): void {
    if (this.#idle.length >= MAX_IDLE) return connection.close();
    connection.idleSinceMs = this.#options.now();
    this.#idle.push(connection);
    this.#options.onIdle();
  }

  /**
   * Closes what has been idle for too long.
   *
   * @returns How many are left.
   */
  sweep(): number {
    const now = this.#options.now();
    this.#idle = this.#idle.filter((connection) => {
      const expired = now - connection.idleSinceMs >= Math.min(IDLE_TIMEOUT_MS, connection.idleLimitMs);
      if (expired || !connection.usable) connection.close();
      return connection.usable;
    });
    return this.#idle.length;
  }

  async #exchangeAnew(request: TransportRequest, head?: Uint8Array<ArrayBuffer>): Promise<TransportResult> {
    try {
      const socket = await this.#dialer.dial(request.cancellation ?? request.signal);
      return await new Connection(socket, this).exchange(request, head);
    } catch (error) {
      return { ok: false, kind: error instanceof UpstreamFailure ? error.kind : "protocol" };
    }
  }

  #takeIdle(repeatable: boolean): Connection | undefined {
    const now = this.#options.now();
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const connection = this.#idle[index]!;
      const idleMs = now - connection.idleSinceMs;
      if (!repeatable && idleMs > RECENT_MS) break;
      const isAlive = connection.usable && idleMs < Math.min(IDLE_TIMEOUT_MS, connection.idleLimitMs);
      if (isAlive && !repeatable && !connection.hasPersisted && idleMs < SILENT_CLOSE_MS) continue;
      this.#idle.splice(index, 1);
      if (isAlive) return connection;
      connection.close();
    }
    if (!repeatable) this.#dropStale(now);
    return undefined;
  }

  /** A new connection takes the place of an old one: nothing piles up where no request may use the old ones. */
  #dropStale(now: number): void {
    const oldest = this.#idle[0];
    if (oldest !== undefined && now - oldest.idleSinceMs > RECENT_MS) this.#idle.shift()!.close();
  }
}
