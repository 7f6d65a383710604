/** One client request with all its attempts: their shared state, and the reaction to each of their events. */

import { BodyFanOut } from "../body/body_fan_out.ts";
import { type BodyListener, receivedBytes, type RequestBody } from "../body/request_body.ts";
import { SharedBody } from "../body/shared_body.ts";
import type { ExchangeCapture } from "../compare/exchange_capture.ts";
import type { Member } from "../config/config.ts";
import type { ClientRequest } from "../http/client_request.ts";
import type { LocalReply } from "../http/client_response.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import { getHeader } from "../http/headers.ts";
import type { TunnelEnd } from "../http/upgrade.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { ExchangeObserver } from "../observe/exchange_observer.ts";
import type { ExchangeSpans } from "../observe/exchange_spans.ts";
import type { AdmittedExchange } from "../policy/admission.ts";
import type { Attempt, AttemptSpan, BodyTap, UpstreamResponse } from "../upstream/attempt.ts";
import type { RelayListener } from "../upstream/response_body.ts";
import { MirroredTunnels } from "./mirrored_tunnels.ts";
import { Tunnel } from "./tunnel.ts";
import type { FanOut, FanOutListener } from "./fan_out.ts";
import type { HandlerContext } from "./handler_context.ts";

/** Parts of an exchange that exist before its first attempt. */
export interface ExchangeParts {
  readonly admission: AdmittedExchange;
  readonly observer: ExchangeObserver;
  /** `undefined` if no spans are recorded. */
  readonly spans: ExchangeSpans | undefined;
}

/**
 * Everything of one exchange that outlives the step that created it. A class, and the only object that refers to all
 * others: V8 keeps object literals and closures, with everything that they refer to, for seconds (decision 022).
 *
 * Pending attempts refer to the exchange after the client has its response. `clientDone` therefore releases everything
 * that only the response needed.
 */
export class Exchange implements FanOutListener, BodyListener, RelayListener {
  /** Length of the body in bytes, if the client sent it. */
  readonly contentLength: number | undefined;
  /** Watches the client until the response is decided. `undefined` before the exchange, and after `clientDone`. */
  client: ClientMonitor | undefined;
  /** True once the response of a service has begun, also after its end. */
  isRelayed = false;
  /** Body of the client's request while it is being opened. */
  opening: Parameters<BodyListener["onOpening"]>[0] | undefined;
  /** Body of the client's request; `undefined` until it has been opened. */
  body: RequestBody | undefined;
  /** Captures responses; `undefined` if they are not compared. */
  capture: ExchangeCapture | undefined;
  /** Shadows that get the bytes of an upgraded connection; `undefined` if the request asks for no upgrade. */
  mirrors: MirroredTunnels | undefined;
  /** Attempts; `undefined` until they have been started. */
  fan: FanOut | undefined;
  /** Attempt whose response is relayed; `undefined` unless one has been selected. */
  selected: Attempt | undefined;
  readonly #context: HandlerContext;
  readonly #admission: AdmittedExchange;
  readonly #observer: ExchangeObserver;
  readonly #spans: ExchangeSpans | undefined;

  /** Does not keep the request, because attempts may be pending for long after the response. */
  constructor(request: ReceivedRequest, context: HandlerContext, { admission, observer, spans }: ExchangeParts) {
    this.contentLength = request.contentLength;
    this.#context = context;
    this.#admission = admission;
    this.#observer = observer;
    this.#spans = spans;
  }

  /** Aborts every attempt except shadow requests, and reads no more of the body. */
  abort(): void {
    this.fan?.abort();
    if (this.body instanceof BodyFanOut) this.body.cancel();
    else this.opening?.cancel();
  }

  /** Called when nothing more is sent to the client: after the service's body, or with a local reply. */
  clientDone(relayedBytes: number, attempt?: Attempt): void {
    // Without a fan-out, no more of the body is read.
    if (this.fan === undefined) this.onUploaded();
    this.#admission.responded();
    this.#observer.relayed(receivedBytes(this.body), relayedBytes, attempt);
    this.fan?.detach();
    if (this.body instanceof SharedBody) this.body.close();
    this.client = this.selected = undefined;
  }

  // Listener of the client's upload

  /** True while the response of a service is being relayed to the client. Slow uploads are then allowed. */
  get isRelaying(): boolean {
    return this.isRelayed && this.client !== undefined;
  }

  onUploaded(): void {
    this.#admission.uploaded();
  }

  onOpening(source: NonNullable<Exchange["opening"]>): void {
    this.opening = source;
  }

  onProblem(reply: LocalReply): void {
    this.client?.report(reply);
  }

  // Listener of the fan-out and its attempts

  gate(member: Member, request: ReceivedRequest): SkipReason | undefined {
    return this.#context.availability.check(member, request, this.#isUpload);
  }

  onSkip(member: Member, reason: SkipReason): void {
    this.#observer.skipped(member, reason);
    this.capture?.skipped(member.service, reason);
  }

  onAttempt(attempt: Attempt): void {
    this.#context.availability.started(attempt, this.#isUpload);
    this.#observer.attempted(attempt);
    this.capture?.started(attempt);
  }

  startSpan(attempt: Attempt, request: ReceivedRequest): AttemptSpan | undefined {
    return this.#spans?.startAttempt(attempt, request);
  }

  onSettle(attempt: Attempt): void {
    this.#context.availability.settled(attempt);
    // The client determines the duration of an upload. Slow uploads would delay the hedges of all requests.
    if (!this.#isUpload) this.#context.hedges.settled(attempt);
    this.#observer.settled(attempt, attempt.durationMs);
    if (attempt.role === "shadow") this.mirrors?.settled(attempt);
  }

  takeTunnel(attempt: Attempt): boolean {
    return this.mirrors?.take(attempt) ?? false;
  }

  onFinish(attempt: Attempt): void {
    this.#context.availability.finished(attempt);
    this.capture?.finished(attempt);
  }

  get #isUpload(): boolean {
    return this.body instanceof BodyFanOut;
  }

  // Upgraded connections

  /** Prepares to mirror the bytes of an upgraded connection. */
  awaitUpgrade(offered: readonly string[] | undefined): void {
    this.mirrors = new MirroredTunnels({
      offered,
      windowBytes: this.#context.config.bodyWindowBytes,
      now: this.#context.now,
      onOpen: (attempt, protocol) => this.#observer.tunnelOpened(attempt, protocol),
      onClose: (attempt, closed) => this.#observer.tunnelClosed(attempt, closed),
      onSkip: (attempt, reason) => this.#observer.skipped(attempt, reason),
    });
  }

  /**
   * Returns the function that relays the bytes of an upgraded connection. Until the listener calls it, the timeout of
   * the service applies: the client may have disconnected.
   */
  tunnelTo(response: UpstreamResponse, service: TunnelEnd): (client: TunnelEnd) => void {
    const attempt = this.selected!;
    const { config, deadlines, now, tunnels } = this.#context;
    const { observer, mirrors } = { observer: this.#observer, mirrors: this.mirrors! };
    const protocol = getHeader(response.headers, "upgrade")!;
    let isOpen = false;
    const end = () => {
      this.#admission.tunnelClosed();
      mirrors.end();
      attempt.finish();
      this.clientDone(0, attempt);
    };
    const onAbort = () => {
      if (!isOpen) end();
    };
    attempt.cancellation.addEventListener("abort", onAbort);
    attempt.deadline.refresh();
    this.#admission.tunnelOpened();
    mirrors.open(response, this.fan!.attempts);
    // A tunnel may last for days.
    this.fan!.detach();
    return (client) => {
      if (attempt.isFinished) return client.destroy();
      isOpen = true;
      attempt.deadline.stop();
      observer.tunnelOpened(attempt, protocol);
      new Tunnel({
        client,
        service,
        protocol,
        mirrors,
        idleTimeoutMs: config.upgradeIdleTimeoutMs,
        deadlines,
        now,
        tunnels,
        onProgress: (clientBytes, serviceBytes) => observer.tunnelProgressed(attempt, clientBytes, serviceBytes),
        onClose(closed) {
          response.closeCode = closed.closeCode;
          observer.tunnelClosed(attempt, closed);
          end();
        },
      });
    };
  }

  // Listener of the relay of the selected response

  get cancellation(): CancellationSignal {
    return this.selected!.cancellation;
  }

  get tap(): BodyTap | undefined {
    return this.selected?.tap;
  }

  onBroken(kind: FailureKind, error: string | undefined): void {
    const attempt = this.selected!;
    attempt.error ??= error;
    attempt.span?.recordBodyFailure(kind);
    this.#observer.interrupted(attempt, attempt.abortReason ?? kind);
  }

  onCancel(): void {
    this.abort();
  }

  onEnd(relayedBytes: number): void {
    const attempt = this.selected;
    attempt?.finish();
    this.clientDone(relayedBytes, attempt);
  }
}

/** Reply that no client reads. nginx logs the same status. */
const CLIENT_DISCONNECTED: LocalReply = { status: 499, detail: "The client disconnected" };
/**
 * Duration of an exchange after which the client of a server is watched, in milliseconds. Most exchanges are shorter.
 * The signal is expensive: Deno creates it on first access, and aborts it, with a stack trace, after each response.
 */
const WATCH_AFTER_MS = 50;

type WatchedRequest = Pick<ClientRequest, "signal" | "connection">;

/**
 * The client until its response is decided. Class, because a closure would survive young collections (decision 022).
 */
export class ClientMonitor implements TimeoutListener {
  #failure: LocalReply | undefined;
  /** Released by `stop`: a request is a quarter of the memory of a pending attempt. */
  #request: WatchedRequest | undefined;
  #signal: AbortSignal | undefined;
  readonly #exchange: Pick<Exchange, "abort">;
  readonly #delay: Deadline | undefined;

  /**
   * Only a server reports `completed`. Any other request may come from the program itself, whose signal already exists
   * and may have been aborted.
   */
  constructor(
    request: WatchedRequest,
    { deadlines, startedMs }: { readonly deadlines: TimeoutQueues; readonly startedMs: number },
    exchange: Pick<Exchange, "abort">,
  ) {
    this.#request = request;
    this.#exchange = exchange;
    if (request.connection.completed === undefined) this.onTimeout();
    else this.#delay = deadlines.start(WATCH_AFTER_MS, this, startedMs);
  }

  /** Reply to the first failure on the client's side; `undefined` if there was none. */
  get failure(): LocalReply | undefined {
    return this.#failure;
  }

  /** Records a failure on the client's side, and aborts the attempts. */
  report(failure: LocalReply): void {
    this.#failure ??= failure;
    this.#exchange.abort();
  }

  /**
   * Stops watching. Afterwards, Deno aborts the signal even if the response was sent completely (denoland/deno#28850).
   */
  stop(): void {
    this.#delay?.stop();
    this.#signal?.removeEventListener?.("abort", this.#onDisconnect);
    this.#request = this.#signal = undefined;
  }

  /** Starts to listen for the signal. */
  onTimeout(): void {
    const signal = this.#signal = signalOf(this.#request);
    if (signal?.aborted) this.#onDisconnect();
    else signal?.addEventListener?.("abort", this.#onDisconnect);
  }

  readonly #onDisconnect = (): void => this.report(CLIENT_DISCONNECTED);
}

/** Returns the signal of a request; `undefined` if an object of the embedding program has none that can be read. */
function signalOf(request: Pick<ClientRequest, "signal"> | undefined): AbortSignal | undefined {
  try {
    return request?.signal ?? undefined;
  } catch {
    return undefined;
  }
}
