/**
 * Mirrored tunnels: each shadow that switched protocols gets the bytes of the client, and its own bytes are discarded.
 * A shadow never slows the client: its queue is bounded, and a shadow that lags is cut off.
 */

import type { SkipReason } from "../http/outcome_kinds.ts";
import { getHeader, parseList } from "../http/headers.ts";
import { permittedProtocols } from "../http/upgrade.ts";
import type { ClosedTunnel } from "../observe/exchange_observer.ts";
import { type Attempt, discardResponse, type UpstreamResponse } from "../upstream/attempt.ts";
import { closeCodeOf, WebSocketFrames } from "./websocket_frames.ts";

/** Size in bytes of the blocks in which small pieces are queued. */
const BLOCK_BYTES = 16_384;
/** Fields of a 101 response that decide on the meaning of the client's bytes. */
const NEGOTIATED = ["upgrade", "sec-websocket-protocol", "sec-websocket-extensions"];

/** Options of {@linkcode MirroredTunnels}. */
export interface MirrorOptions {
  /** Protocols that the client offered. */
  readonly offered: readonly string[] | undefined;
  /** Maximum size of the queue of one shadow, in bytes. */
  readonly windowBytes: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called when a shadow has switched protocols and gets the bytes of the client. */
  onOpen(attempt: Attempt, protocol: string): void;
  /** Called when the tunnel of a shadow has ended. */
  onClose(attempt: Attempt, closed: ClosedTunnel): void;
  /** Called when a shadow does not get the bytes of the client, or no more of them. */
  onSkip(attempt: Attempt, reason: SkipReason): void;
}

/**
 * The mirrored tunnels of one exchange. Until the client's response is decided (`waiting`), shadows that have switched
 * protocols are kept. If a tunnel begins (`open`), its bytes are also queued for shadows that have not responded yet.
 */
export class MirroredTunnels {
  readonly #options: MirrorOptions;
  #state: "waiting" | "open" | "ended" = "waiting";
  #waiting: Attempt[] = [];
  readonly #branches = new Map<Attempt, TunnelBranch>();
  /** Response of the selected service; `undefined` until the tunnel begins. */
  #selected: UpstreamResponse | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** Takes over the tunnel of a shadow. Returns false if no bytes will follow; the caller then discards it. */
  take(attempt: Attempt): boolean {
    if (this.#state === "waiting") return this.#waiting.push(attempt) > 0;
    const branch = this.#branches.get(attempt);
    if (branch === undefined) return false;
    this.#connect(attempt, branch);
    return true;
  }

  /** Called when a shadow has settled. A shadow that did not switch protocols gets no bytes. */
  settled(attempt: Attempt): void {
    const { outcome } = attempt;
    if (outcome?.ok && outcome.response.tunnel !== undefined) return;
    this.#branches.delete(attempt);
  }

  /** Begins to mirror. */
  open(selected: UpstreamResponse, attempts: readonly Attempt[]): void {
    this.#state = "open";
    this.#selected = selected;
    for (const attempt of attempts) {
      const { role, service, pending } = attempt;
      if (role !== "shadow" || permittedProtocols(this.#options.offered, service.upgrade) === undefined) continue;
      const isWaiting = this.#waiting.includes(attempt);
      if (!pending && !isWaiting) continue;
      const branch = new TunnelBranch(attempt, this.#options, () => this.#branches.delete(attempt));
      this.#branches.set(attempt, branch);
      if (isWaiting) this.#connect(attempt, branch);
    }
    this.#waiting = [];
  }

  /** Discards all tunnels, because the client's connection was not upgraded. Later calls do nothing. */
  discard(): void {
    if (this.#state !== "waiting") return;
    this.#state = "ended";
    for (const attempt of this.#waiting.splice(0)) discard(attempt);
  }

  /** Queues bytes of the client for each shadow. */
  push(bytes: Uint8Array): void {
    for (const branch of this.#branches.values()) branch.push(bytes);
  }

  /** Ends the tunnels when their queues have been sent. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    for (const branch of this.#branches.values()) branch.end();
  }

  #connect(attempt: Attempt, branch: TunnelBranch): void {
    const { outcome } = attempt;
    const response = outcome?.ok ? outcome.response : undefined;
    if (response?.tunnel === undefined || attempt.isFinished) {
      this.#branches.delete(attempt);
      return;
    }
    if (isSameHandshake(response, this.#selected!)) return branch.connect(response);
    this.#branches.delete(attempt);
    this.#options.onSkip(attempt, "handshake-mismatch");
    discard(attempt);
  }
}

/** Queue of the client's bytes for one shadow, and its connection. */
class TunnelBranch {
  readonly #attempt: Attempt;
  readonly #options: MirrorOptions;
  readonly #onEnd: () => void;
  /** Blocks that have not been sent, each with the number of its bytes in use. */
  #queue: { readonly memory: Uint8Array; usedBytes: number }[] = [];
  #queuedBytes = 0;
  #response: UpstreamResponse | undefined;
  #frames: WebSocketFrames | undefined;
  #openedMs = 0;
  #pushedBytes = 0;
  #serviceBytes = 0;
  #isSending = false;
  #isEnded = false;
  #isClosed = false;

  constructor(attempt: Attempt, options: MirrorOptions, onEnd: () => void) {
    this.#attempt = attempt;
    this.#options = options;
    this.#onEnd = onEnd;
  }

  /** Takes over the connection of the shadow. */
  connect(response: UpstreamResponse): void {
    const protocol = getHeader(response.headers, "upgrade")!;
    this.#response = response;
    this.#frames = WebSocketFrames.of(protocol);
    this.#openedMs = this.#options.now();
    this.#options.onOpen(this.#attempt, protocol);
    this.#attempt.cancellation.addEventListener("abort", () => this.#close("cut-off"));
    if (this.#isEnded) this.#attempt.deadline.refresh();
    this.#discardIncoming().then(() => this.#close("service"), () => this.#close("failed"));
    this.#send();
  }

  /** Queues bytes of the client. Cuts the shadow off if they exceed its limits. */
  push(bytes: Uint8Array): void {
    if (this.#isClosed || this.#isEnded) return;
    this.#pushedBytes += bytes.length;
    if (this.#pushedBytes > this.#attempt.service.shadow!.maxBodyBytes) return this.#cutOff("body-too-large");
    this.#enqueue(bytes);
    if (this.#queuedBytes > this.#options.windowBytes) return this.#cutOff("body-lag");
    this.#send();
  }

  /** Ends the tunnel when the queue has been sent. The shadow then has its timeout to close. Later calls do nothing. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#isClosed || this.#response === undefined) return;
    this.#attempt.deadline.refresh();
    this.#send();
  }

  /** Adds bytes to the queue. The memory of its blocks counts, not their content: a client may send single bytes. */
  #enqueue(bytes: Uint8Array): void {
    const last = this.#queue.at(-1);
    if (last !== undefined && last.memory.length - last.usedBytes >= bytes.length) {
      last.memory.set(bytes, last.usedBytes);
      last.usedBytes += bytes.length;
      return;
    }
    // The only piece in the queue is sent at once, so it needs no room for more.
    const isOnly = last === undefined && this.#response !== undefined && !this.#isSending;
    const memory = isOnly ? bytes.slice() : new Uint8Array(Math.max(BLOCK_BYTES, bytes.length));
    if (!isOnly) memory.set(bytes);
    this.#queue.push({ memory, usedBytes: bytes.length });
    this.#queuedBytes += memory.length;
  }

  async #send(): Promise<void> {
    const tunnel = this.#response?.tunnel;
    if (tunnel === undefined || this.#isSending) return;
    this.#isSending = true;
    try {
      for (let block = this.#queue[0]; block !== undefined && !this.#isClosed; block = this.#queue[0]) {
        // Removed before it is sent, because later bytes must not be added to it. Its memory still counts.
        this.#queue.shift();
        await tunnel.write(block.memory.subarray(0, block.usedBytes));
        this.#queuedBytes -= block.memory.length;
      }
      if (this.#isEnded) tunnel.end();
    } catch {
      this.#close("failed");
    }
    this.#isSending = false;
  }

  async #discardIncoming(): Promise<void> {
    const tunnel = this.#response!.tunnel!;
    for (let bytes = await tunnel.read(); bytes !== null; bytes = await tunnel.read()) {
      this.#serviceBytes += bytes.length;
      this.#frames?.push(bytes);
      // The client does not know of this close frame, so it will not respond to it.
      if (this.#frames?.closeCode !== undefined) this.end();
    }
  }

  #cutOff(reason: "body-lag" | "body-too-large"): void {
    const attempt = this.#attempt;
    this.#options.onSkip(attempt, reason);
    // Also closes the tunnel, by the cancellation of the attempt.
    attempt.abort(reason === "body-lag" ? "body-lag" : "aborted");
    this.#forget();
  }

  #close(cause: ClosedTunnel["cause"]): void {
    if (this.#isClosed) return;
    const response = this.#response!;
    const attempt = this.#attempt;
    this.#forget();
    response.closeCode = closeCodeOf(this.#frames, cause);
    response.tunnel!.destroy();
    attempt.deadline.stop();
    this.#options.onClose(attempt, {
      protocol: getHeader(response.headers, "upgrade")!,
      cause,
      closeCode: response.closeCode,
      clientBytes: this.#pushedBytes,
      serviceBytes: this.#serviceBytes,
      durationMs: this.#options.now() - this.#openedMs,
    });
    attempt.finish();
  }

  #forget(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#onEnd();
  }
}

function discard(attempt: Attempt): void {
  if (attempt.outcome?.ok) discardResponse(attempt.outcome.response);
  attempt.finish();
}

/** Reports whether the bytes of a client mean the same to two services. Spaces and letter case do not matter. */
function isSameHandshake(a: UpstreamResponse, b: UpstreamResponse): boolean {
  return NEGOTIATED.every((name) => negotiated(a, name) === negotiated(b, name));
}

function negotiated({ headers }: UpstreamResponse, name: string): string {
  return parseList(getHeader(headers, name) ?? "").join().replaceAll(/[\s"]/g, "");
}
