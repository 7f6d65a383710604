/** Tunnels: the bytes of a client and of a service that switched protocols, in both directions. */

import type { TunnelEnd } from "../http/upgrade.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { ClosedTunnel } from "../observe/exchange_observer.ts";
import type { OpenTunnel, OpenTunnels } from "../policy/open_tunnels.ts";
import type { MirroredTunnels } from "./mirrored_tunnels.ts";
import { closeCodeOf, GOING_AWAY, WebSocketFrames } from "./websocket_frames.ts";

/** Interval in milliseconds between two reports of the bytes that were moved. */
const PROGRESS_MS = 10_000;

/** Options of {@linkcode Tunnel}. */
export interface TunnelOptions {
  readonly client: TunnelEnd;
  readonly service: TunnelEnd;
  /** Upgrade field of the service's response. */
  readonly protocol: string;
  /** Shadows that get the bytes of the client. */
  readonly mirrors: MirroredTunnels;
  /** Timeout for silence in both directions, in milliseconds. */
  readonly idleTimeoutMs: number;
  readonly deadlines: TimeoutQueues;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Tunnels that a shutdown ends. */
  readonly tunnels: OpenTunnels;
  /** Called every ten seconds while bytes move, and at the end, with the bytes since the last call. */
  onProgress(clientBytes: number, serviceBytes: number): void;
  /** Called once, when both connections are closed. */
  onClose(closed: ClosedTunnel): void;
}

/**
 * One tunnel. Each direction reads the next bytes when the other side has taken the former ones, so that a slow reader
 * slows its sender. The end of one direction does not end the other.
 */
export class Tunnel implements OpenTunnel, TimeoutListener {
  readonly #options: TunnelOptions;
  readonly #deadline: Deadline;
  /** Time of the next report of the bytes. */
  readonly #progress: Deadline;
  readonly #openedMs: number;
  /** Frames from the service; `undefined` for other protocols than WebSocket. */
  readonly #frames: WebSocketFrames | undefined;
  #clientBytes = 0;
  #serviceBytes = 0;
  #reportedClientBytes = 0;
  #reportedServiceBytes = 0;
  #cause: ClosedTunnel["cause"] | undefined;
  #isWritingToClient = false;
  #isGoingAway = false;
  /** Set when the close frame of a shutdown is sent. Everything after it is dropped (RFC 6455 §5.5.1). */
  #farewell: Promise<void> | undefined;
  #isClosed = false;

  /** Starts to relay. */
  constructor(options: TunnelOptions) {
    const { deadlines, idleTimeoutMs, tunnels, now } = options;
    this.#options = options;
    this.#openedMs = now();
    this.#frames = WebSocketFrames.of(options.protocol);
    this.#deadline = deadlines.start(idleTimeoutMs, this);
    this.#progress = deadlines.start(PROGRESS_MS, { onTimeout: () => this.#report() });
    tunnels.add(this);
    Promise.all([this.#relayToService(), this.#relayToClient()]).then(
      () => this.#close("client"),
      () => this.#close("failed"),
    );
  }

  /** Sends a close frame with the code 1001 to a WebSocket client, at the next frame boundary. */
  goAway(): void {
    this.#isGoingAway = true;
    if (!this.#isWritingToClient) this.#sendFarewell();
  }

  /** Closes both connections at once. */
  close(): void {
    this.#close("shutdown");
  }

  onTimeout(): void {
    this.#close("idle");
  }

  async #relayToService(): Promise<void> {
    const { client, service, mirrors } = this.#options;
    for (let bytes = await client.read(); bytes !== null; bytes = await client.read()) {
      this.#clientBytes += bytes.length;
      this.#deadline.refresh();
      mirrors.push(bytes);
      await service.write(bytes);
    }
    this.#cause ??= "client";
    service.end();
    mirrors.end();
  }

  async #relayToClient(): Promise<void> {
    const { client, service } = this.#options;
    for (let bytes = await service.read(); bytes !== null; bytes = await service.read()) {
      this.#serviceBytes += bytes.length;
      this.#deadline.refresh();
      if (this.#farewell !== undefined) continue;
      const frames = this.#frames;
      const end = this.#isGoingAway && frames !== undefined ? frames.pushToBoundary(bytes) : bytes.length;
      if (!this.#isGoingAway) frames?.push(bytes);
      this.#isWritingToClient = true;
      await client.write(end === bytes.length ? bytes : bytes.subarray(0, end));
      this.#isWritingToClient = false;
      if (this.#isGoingAway) this.#sendFarewell();
    }
    this.#cause ??= "service";
    await this.#farewell;
    client.end();
  }

  #sendFarewell(): void {
    const frames = this.#frames;
    if (frames === undefined || frames.closeCode !== undefined || !frames.isAtBoundary) return;
    this.#cause ??= "shutdown";
    // The pump fails too if the connection is broken.
    this.#farewell ??= this.#options.client.write(GOING_AWAY).catch(() => {});
  }

  #report(): void {
    const [client, service] = [this.#clientBytes, this.#serviceBytes];
    if (client > this.#reportedClientBytes || service > this.#reportedServiceBytes) {
      this.#options.onProgress(client - this.#reportedClientBytes, service - this.#reportedServiceBytes);
    }
    this.#reportedClientBytes = client;
    this.#reportedServiceBytes = service;
    if (!this.#isClosed) this.#progress.refresh();
  }

  #close(cause: ClosedTunnel["cause"]): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cause ??= cause;
    const { client, service, protocol, mirrors, tunnels, now, onClose } = this.#options;
    this.#deadline.stop();
    this.#progress.stop();
    client.destroy();
    service.destroy();
    mirrors.end();
    tunnels.delete(this);
    this.#report();
    onClose({
      protocol,
      cause: this.#cause,
      closeCode: closeCodeOf(this.#frames, this.#cause),
      clientBytes: this.#clientBytes,
      serviceBytes: this.#serviceBytes,
      durationMs: now() - this.#openedMs,
    });
  }
}
