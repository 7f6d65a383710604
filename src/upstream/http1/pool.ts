/** Connections to one service, kept while idle and used again. */

import { BufferPool } from "../../lib/buffer_pool.ts";
import type { LoopTurns } from "../../lib/loop_turns.ts";
import type { Slab } from "../../lib/slab.ts";
import {
  errorWords,
  isRepeatable,
  streamFailure,
  type TransportRequest,
  type TransportResult,
  UpstreamFailure,
} from "../transport.ts";
import { READ_BUFFER_BYTES } from "./buffered_socket.ts";
import { Connection, type ConnectionListener } from "./connection.ts";
import { Dialer, type Endpoint } from "./dial.ts";
import { HEAD_BUFFER_BYTES } from "./request_sender.ts";
import type { ResponseBodyContext } from "./response_body.ts";
import { TUNNEL_BUFFER_BYTES } from "./upstream_tunnel.ts";

/** Maximum idle connections per service. */
const MAX_IDLE = 256;
/** Maximum idle time in milliseconds, unless the service announced a shorter one. */
const IDLE_TIMEOUT_MS = 60_000;
/**
 * Maximum idle time in milliseconds of a connection for a request that must not be repeated. Servers wait longer before
 * they close a connection, so their close and the request cannot cross.
 */
const RECENT_MS = 1_000;
/** Time in milliseconds within which servers that close after each response, without announcing it, do so. */
const SILENT_CLOSE_MS = 10;

/** Minimum part of the maximum age that a connection reaches. The rest is random. */
const MIN_AGE_RATIO = 0.8;

/** Options of {@linkcode Pool}. */
export interface PoolOptions extends ResponseBodyContext {
  readonly endpoint: Endpoint;
  /** Authority of the service, for the Host header. */
  readonly authority: string;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called when a connection has become idle. */
  onIdle(): void;
}

/** Connections to one service. */
export class Pool implements ConnectionListener {
  readonly authority: string;
  readonly detachBuffers: boolean;
  readonly turns: LoopTurns;
  readonly slab: Slab;
  readonly readBuffers: BufferPool = new BufferPool(READ_BUFFER_BYTES);
  readonly headBuffers: BufferPool = new BufferPool(HEAD_BUFFER_BYTES);
  readonly tunnelBuffers: BufferPool = new BufferPool(TUNNEL_BUFFER_BYTES);
  readonly #options: PoolOptions;
  readonly #dialer: Dialer;
  /** Idle connections, the most recently used last. It is used next, so that the others reach their timeout. */
  #idle: Connection[] = [];

  /** Starts without connections. */
  constructor(options: PoolOptions) {
    this.authority = options.authority;
    this.detachBuffers = options.detachBuffers;
    this.turns = options.turns;
    this.slab = options.slab;
    this.#options = options;
    this.#dialer = new Dialer(options.endpoint);
  }

  /** Sends a request over an idle connection or a new one. Never rejects. */
  exchange(request: TransportRequest): Promise<TransportResult> {
    return this.#takeIdle(request)?.exchange(request) ?? this.#sendOnNewConnection(request);
  }

  /** Sends a request again over a new connection; `undefined` if it must not be sent again. */
  onStale(request: TransportRequest, head: Uint8Array<ArrayBuffer>): Promise<TransportResult> | undefined {
    return isRepeatable(request) ? this.#sendOnNewConnection(request, head) : undefined;
  }

  /** Keeps a connection for the next request. */
  onIdle(connection: Connection): void {
    if (this.#idle.length >= MAX_IDLE) return connection.close();
    connection.idleSinceMs = this.#options.now();
    this.#idle.push(connection);
    this.#options.onIdle();
  }

  /** Closes connections whose idle time has passed. Returns the number of remaining idle connections. */
  sweep(): number {
    const now = this.#options.now();
    this.#idle = this.#idle.filter((connection) => {
      const isExpired = now - connection.idleSinceMs >= Math.min(IDLE_TIMEOUT_MS, connection.keepAliveTimeoutMs);
      if (isExpired || !connection.usable) connection.close();
      return connection.usable;
    });
    return this.#idle.length;
  }

  async #sendOnNewConnection(request: TransportRequest, head?: Uint8Array<ArrayBuffer>): Promise<TransportResult> {
    try {
      request.onConnecting?.();
      const socket = await this.#dialer.dial(request.cancellation ?? request.signal);
      const connection = new Connection(socket, this);
      connection.openedMs = this.#options.now();
      connection.ageRatio = MIN_AGE_RATIO + (1 - MIN_AGE_RATIO) * Math.random();
      return await connection.exchange(request, head);
    } catch (error) {
      return error instanceof UpstreamFailure
        ? streamFailure(error)
        : { ok: false, kind: "protocol", error: errorWords(error) };
    }
  }

  /**
   * Returns the most recently used idle connection, if the request may use it. For a request that must not be repeated,
   * a connection must also have been idle for a short time only, and must have proved that the service keeps it open.
   * Connections that are too old are closed here, between two exchanges.
   */
  #takeIdle(request: TransportRequest): Connection | undefined {
    const repeatable = isRepeatable(request);
    const { maxConnectionAgeMs = Infinity } = request;
    const now = this.#options.now();
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const connection = this.#idle[index]!;
      const idleMs = now - connection.idleSinceMs;
      if (!repeatable && idleMs > RECENT_MS) break;
      const isAlive = connection.usable && idleMs < Math.min(IDLE_TIMEOUT_MS, connection.keepAliveTimeoutMs) &&
        now - connection.openedMs < maxConnectionAgeMs * connection.ageRatio;
      if (isAlive && !repeatable && !connection.wasReused && idleMs < SILENT_CLOSE_MS) continue;
      if (index === this.#idle.length - 1) this.#idle.pop();
      else this.#idle.splice(index, 1);
      if (isAlive) return connection;
      connection.close();
    }
    if (!repeatable) this.#dropStale(now);
    return undefined;
  }

  /** Closes an old connection for each new one. Otherwise they pile up if no request may use the old ones. */
  #dropStale(now: number): void {
    const oldest = this.#idle[0];
    if (oldest !== undefined && now - oldest.idleSinceMs > RECENT_MS) this.#idle.shift()!.close();
  }
}
