/** A queue of captured exchanges that are compared in the background. */

import type { Service } from "../config/config.ts";
import { LoadSampler } from "../lib/load_sampler.ts";
import { LoopShare } from "../lib/loop_share.ts";
import type { Pause } from "./decode_body.ts";
import type { ExchangeCapture } from "./exchange_capture.ts";
import type { ResponseCapture } from "./response_capture.ts";

/** Captures of one exchange by service. Captures without an outcome are left out. */
export type CapturesByService = ReadonlyMap<Service, ResponseCapture>;

/** A captured exchange to compare. */
export interface ComparisonJob {
  readonly capture: ExchangeCapture;
  /** Compares the outcomes. Called once. */
  readonly compare: (captures: CapturesByService) => Promise<void>;
  /** Called instead of `compare` if the queue is full. */
  readonly onBusy: () => void;
}

/** Maximum exchanges in the queue. Further exchanges are not compared. */
const MAX_WAITING = 1_000;
/** Exchanges in the queue above which not all exchanges are captured: there are more than can be compared. */
const MAX_UNSAMPLED_WAITING = 500;
/** Exchanges in the queue while not all are captured. Fewer than above, because collecting old objects is expensive. */
const AIMED_WAITING = 50;
/** Ratio of the memory that may be used without an effect on the sample. Without a sample, large responses fill it all. */
const FREE_MEMORY_USE = 0.25;
/** Ratio of the memory above which not all exchanges are captured. */
const MAX_UNSAMPLED_MEMORY_USE = 0.5;
/** Time in milliseconds after which comparing yields to requests. A single large comparison takes longer. */
const SLICE_MS = 2;
/** Maximum average ratio of the event loop's time for comparing, 0 to 1: 100 ms per second. */
const LOOP_RATIO = 0.1;
/** Maximum time of a burst in milliseconds, after comparing has been idle. */
const BURST_MS = 50;

/** Runs jobs one at a time, within a share of the event loop's time. */
export class ComparisonQueue {
  readonly #share: LoopShare;
  readonly #sampler: LoadSampler;
  readonly #jobs: ComparisonJob[] = [];
  #isRunning = false;
  #finished = 0;
  #countedMs = 0;

  /** Creates an empty queue. `now` is a clock in milliseconds. */
  constructor(now: () => number) {
    this.#share = new LoopShare({ ratio: LOOP_RATIO, burstMs: BURST_MS, sliceMs: SLICE_MS, now });
    this.#sampler = new LoadSampler({
      ratio: LOOP_RATIO,
      maxWaiting: MAX_UNSAMPLED_WAITING,
      aimedWaiting: AIMED_WAITING,
      now,
    });
  }

  /**
   * Reports whether the next exchange is compared. Selects at random if there is no time for all, before the responses
   * are known. If the memory for captures were used up instead, mostly large responses would be left out.
   * `memoryUse`: used ratio of that memory.
   */
  sample(memoryUse: number): boolean {
    const use = (memoryUse - FREE_MEMORY_USE) / (MAX_UNSAMPLED_MEMORY_USE - FREE_MEMORY_USE);
    return this.#sampler.next(Math.max(this.#jobs.length, use * MAX_UNSAMPLED_WAITING));
  }

  /** Reports whether further jobs are refused. */
  get isFull(): boolean {
    return this.#jobs.length >= MAX_WAITING;
  }

  /** Adds a job. Without captured responses, its memory is released at once. */
  add(job: ComparisonJob): void {
    if (job.capture.responses.length === 0) return job.capture.release();
    if (this.isFull) return job.onBusy();
    this.#jobs.push(job);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run();
  }

  /** Returns a promise to await if the time slice is over, so that requests are served; otherwise `undefined`. */
  readonly pause: Pause = () => {
    if (!this.#share.isSliceOver) return undefined;
    const slice = this.#share.nextSlice();
    this.#countSlice();
    return slice;
  };

  #countSlice(): void {
    this.#sampler.used(this.#share.usedMs - this.#countedMs, this.#finished);
    this.#countedMs = this.#share.usedMs;
    this.#finished = 0;
  }

  async #run(): Promise<void> {
    try {
      while (this.#jobs.length > 0) {
        const pause = this.pause();
        if (pause !== undefined) await pause;
        const { capture, compare } = this.#jobs.shift()!;
        await compare(byService(capture));
        this.#finished++;
      }
    } finally {
      this.#share.endSlice();
      this.#countSlice();
      // A comparison that throws because of a bug must not end all others.
      this.#isRunning = this.#jobs.length > 0;
      if (this.#isRunning) this.#run();
    }
  }
}

function byService({ responses }: ExchangeCapture): CapturesByService {
  return new Map(responses.filter(({ outcome }) => outcome !== undefined).map((each) => [each.service, each]));
}
