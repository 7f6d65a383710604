/** Handle of one worker in the main thread: sends commands, receives results, detects a crash. */

import type { MetricsReading } from "../observe/metrics_snapshot.ts";
import { ListenError } from "./listen_error.ts";
import type { Command, CommandFailure, CommandResult, FromWorker, StreamName, ToWorker } from "./worker_messages.ts";

/** Options of {@linkcode WorkerThread}. */
export interface WorkerThreadOptions {
  /** Module to run. */
  readonly module: string | URL;
  /** Name of the thread in Deno's messages about uncaught errors. */
  readonly name: string;
  /** Writes log lines of the worker. The worker sends more when the promise has resolved. */
  readonly write: (stream: StreamName, text: string) => Promise<void>;
  /** Reads the metrics of all workers, for a worker that serves them. Must not reject. */
  readonly readMetrics: () => Promise<MetricsReading>;
}

/** Error of all commands to a crashed worker. */
export class WorkerCrash extends Error {
  /** Name of the error. */
  override readonly name = "WorkerCrash";
}

/** A running or crashed worker. */
export class WorkerThread<Settings> {
  /** Resolves with the error that ended the worker. Stays pending if the worker ends on request. */
  readonly crashed: Promise<WorkerCrash>;
  /** Number of the worker's attempts in flight, written by the worker. */
  readonly attempts = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<CommandResult>>();
  readonly #write: WorkerThreadOptions["write"];
  readonly #readMetrics: WorkerThreadOptions["readMetrics"];
  #crash: WorkerCrash | undefined;
  #lastId = 0;

  /** Starts the thread. */
  constructor({ module, name, write, readMetrics }: WorkerThreadOptions) {
    const { promise, resolve } = Promise.withResolvers<WorkerCrash>();
    this.crashed = promise;
    this.#write = write;
    this.#readMetrics = readMetrics;
    this.#worker = new Worker(new URL(module), { type: "module", name });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      // Otherwise the error would end the main thread too.
      event.preventDefault();
      this.#crash = new WorkerCrash(event.message);
      this.#worker.terminate();
      for (const { reject } of this.#waiting.values()) reject(this.#crash);
      resolve(this.#crash);
    };
  }

  /** Attempts of the worker in flight. 0 after a crash. */
  get attemptsInFlight(): number {
    return this.#crash === undefined ? Atomics.load(new Int32Array(this.attempts), 0) : 0;
  }

  /**
   * Sends a command, and returns its result.
   *
   * @throws {ListenError} If an address cannot be listened on.
   * @throws {WorkerCrash} If the worker has crashed.
   */
  request(command: Command<Settings>): Promise<CommandResult> {
    if (this.#crash !== undefined) return Promise.reject(this.#crash);
    const result = Promise.withResolvers<CommandResult>();
    const id = ++this.#lastId;
    this.#waiting.set(id, result);
    this.#send({ type: "command", id, command });
    return result.promise;
  }

  /** Terminates the thread at once. */
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
    if (message.type === "metrics-request") {
      this.#readMetrics().then((reading) => this.#send({ type: "metrics", reading }));
      return;
    }
    const pending = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.failure === undefined) pending?.resolve(message.result ?? {});
    else pending?.reject(errorOf(message.failure));
  }
}

function errorOf({ address, name, message }: CommandFailure): Error {
  if (address === undefined) return new Error(message);
  const errors: Record<string, new (message: string) => Error> = Deno.errors;
  return new ListenError(address, new (errors[name] ?? Error)(message));
}
