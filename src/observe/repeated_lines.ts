/** Log lines that repeat: a few in full for each subject, then their number. */

import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";

/** Limits of lines about one subject. */
export interface RepeatLimits {
  /** Lines in full per second. */
  readonly linesPerSecond: number;
  /** Interval between two summaries, in milliseconds. */
  readonly summaryMs: number;
}

/** Lines of one kind about one subject that were not written. */
export interface Suppressed<T> {
  /** First line of them. */
  readonly first: T;
  /** Number of lines. */
  readonly count: number;
  /** Number of lines by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Options of {@linkcode RepeatedLines}. */
export interface RepeatedLinesOptions<T> {
  readonly limits: RepeatLimits;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called with the lines that were suppressed since the last summary. */
  onSummary(suppressed: Suppressed<T>): void;
}

interface Subject<T> {
  readonly bucket: TokenBucket;
  first: T | undefined;
  count: number;
  reasons: Record<string, number>;
}

/** Counts lines by subject. Subjects must be bounded: names of services and routes. */
export class RepeatedLines<T> {
  readonly #options: RepeatedLinesOptions<T>;
  readonly #subjects = new Map<string, Subject<T>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RepeatedLinesOptions<T>) {
    this.#options = options;
  }

  /** Reports whether a line must be written in full. Otherwise it is counted for the next summary. */
  admit(subject: string, reason: string, line: T): boolean {
    const { limits, now } = this.#options;
    let known = this.#subjects.get(subject);
    if (known === undefined) {
      known = {
        bucket: new TokenBucket(limitsForRate(limits.linesPerSecond)),
        first: undefined,
        count: 0,
        reasons: {},
      };
      this.#subjects.set(subject, known);
    }
    if (known.bucket.tryTake(now())) return true;
    known.first ??= line;
    known.count++;
    known.reasons[reason] = (known.reasons[reason] ?? 0) + 1;
    this.#schedule();
    return false;
  }

  /** Writes the summaries of all lines that have been suppressed. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const subject of this.#subjects.values()) {
      const { first, count, reasons } = subject;
      if (first === undefined) continue;
      subject.first = undefined;
      subject.count = 0;
      subject.reasons = {};
      this.#options.onSummary({ first, count, reasons });
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#options.limits.summaryMs);
  }
}
