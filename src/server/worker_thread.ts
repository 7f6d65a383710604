/** One worker as the main thread sees it: orders go in, answers come back, and it may crash. */

import type { MetricsReading } from "../observe/metrics_snapshot.ts";
import { ListenError } from "./listen_error.ts";
import type { Command, FromWorker, OrderFailure, OrderResult, StreamName, ToWorker } from "./worker_messages.ts";

/** How a worker is run. */
export interface WorkerThreadOptions {
  /** The module to run. */
  readonly module: string | URL;
  /** What Deno calls the thread where it tells of an uncaught error. */
  readonly name: string;
  /** Writes log lines of the worker; it gets no further ones before that is done. */
  readonly write: (stream: StreamName, text: string) => Promise<void>;
  /** Reads the metrics of all workers, for the one that is asked for them; it must not reject. */
  readonly readMetrics: () => Promise<MetricsReading>;
}

/** What a worker's orders fail with when it has crashed. */
export class WorkerCrash extends Error {
  /** The error's name. */
  override readonly name = "WorkerCrash";
}

/** A worker that is running, or has crashed. */
export class WorkerThread<Settings> {
  /** Settles with the error that the worker did not survive; never, where it ends as it was told to. */
  readonly crashed: Promise<WorkerCrash>;
  /** Where the worker keeps the number of its attempts in flight. */
  readonly attempts = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<OrderResult>>();
  readonly #write: WorkerThreadOptions["write"];
  readonly #readMetrics: WorkerThreadOptions["readMetrics"];
  #crash: WorkerCrash | undefined;
  #lastId = 0;

  /**
   * Starts a thread.
   *
   * @param options How it is run.
   */
  constructor({ module, name, write, readMetrics }: WorkerThreadOptions) {
    const { promise, resolve } = Promise.withResolvers<WorkerCrash>();
    this.crashed = promise;
    this.#write = write;
    this.#readMetrics = readMetrics;
    this.#worker = new Worker(new URL(module), { type: "module", name });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      // Else the main thread would end with it.
      event.preventDefault();
      this.#crash = new WorkerCrash(event.message);
      this.#worker.terminate();
      for (const { reject } of this.#waiting.values()) reject(this.#crash);
      resolve(this.#crash);
    };
  }

  /** The attempts that the worker has in flight; 0 where it has crashed. */
  get attemptsInFlight(): number {
    return this.#crash === undefined ? Atomics.load(new Int32Array(this.attempts), 0) : 0;
  }

  /**
   * Gives the worker an order.
   *
   * @param order What it is to do.
   * @returns A promise that is fulfilled when it is done, with what it asked for.
   * @throws {ListenError} Where an address can not be listened on.
   * @throws {WorkerCrash} Where the worker has crashed.
   */
  ask(order: Command<Settings>): Promise<OrderResult> {
    if (this.#crash !== undefined) return Promise.reject(this.#crash);
    const answer = Promise.withResolvers<OrderResult>();
    const id = ++this.#lastId;
    this.#waiting.set(id, answer);
    this.#send({ type: "order", id, order });
    return answer.promise;
  }

  /** Ends the thread, whatever it is doing. */
  end(): void {
    this.#worker.terminate();
  }

  #send(message: ToWorker<Settings>): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.type === "lines") {
      const { stream, bytes } = message;
      this.#write(stream, new TextDecoder().decode(bytes)).then(() => this.#send({ type: "written", stream }));
      return;
    }
    if (message.type === "metrics-wanted") {
      this.#readMetrics().then((reading) => this.#send({ type: "metrics", reading }));
      return;
    }
    const answer = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.failure === undefined) answer?.resolve(message.result ?? {});
    else answer?.reject(errorOf(message.failure));
  }
}

function errorOf({ address, name, message }: OrderFailure): Error {
  if (address === undefined) return new Error(message);
  const errors: Record<string, new (message: string) => Error> = Deno.errors;
  return new ListenError(address, new (errors[name] ?? Error)(message));
}
