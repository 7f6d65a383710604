/** The client's side of an exchange until its answer is decided: it may go away, or break its body off. */

import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { LocalReply } from "../http/problem.ts";

/** Nobody reads this answer; 499 is nginx's word for it in the log. */
const CLIENT_DISCONNECTED: LocalReply = { status: 499, detail: "The client went away" };
/**
 * How long an exchange may last before its client is watched, in milliseconds. Most are over by then, and a signal that
 * is asked for costs as much as the rest of the handler: Deno aborts it, with a stack, after each response.
 */
const WATCH_AFTER_MS = 50;

/** What can be broken off. */
interface Abortable {
  abort(): void;
}

/** What has become of a client. It is a class, as a getter of an object's own would outlive young collections with all it sees. */
export class ClientMonitor implements TimeoutListener {
  #problem: LocalReply | undefined;
  /** Kept no longer than it is watched: it is a quarter of what a service that is still to answer would hold. */
  #request: Request | undefined;
  #signal: AbortSignal | undefined;
  readonly #exchange: Abortable;
  readonly #delay: Deadline;

  /**
   * Watches a client. That it has gone is noticed after a twentieth of a second at the earliest.
   *
   * @param request The request; its signal tells that the client has gone.
   * @param deadlines The handler's time-outs.
   * @param exchange What is broken off each time that something went wrong.
   */
  constructor(request: Request, deadlines: TimeoutQueues, exchange: Abortable) {
    this.#request = request;
    this.#exchange = exchange;
    this.#delay = deadlines.start(WATCH_AFTER_MS, this);
  }

  /** The first thing that went wrong on the client's side; `undefined` as long as nothing has. */
  get problem(): LocalReply | undefined {
    return this.#problem;
  }

  /**
   * Takes note of something that went wrong.
   *
   * @param problem What to answer.
   */
  report(problem: LocalReply): void {
    this.#problem ??= problem;
    this.#exchange.abort();
  }

  /** Ends the watch: from then on Deno aborts the signal of a request that was answered well, too (denoland/deno#28850). */
  stop(): void {
    this.#delay.stop();
    this.#signal?.removeEventListener("abort", this.#onGone);
    this.#request = this.#signal = undefined;
  }

  /** From now on it is noticed when the client goes. */
  onTimeout(): void {
    this.#signal = this.#request?.signal;
    if (this.#signal?.aborted) this.#onGone();
    else this.#signal?.addEventListener("abort", this.#onGone);
  }

  readonly #onGone = (): void => this.report(CLIENT_DISCONNECTED);
}
