import * as FakeTimers from "npm:@sinonjs/fake-timers@15.5.0";

interface Clock {
  now: number;
  tick(ms: number): number;
  next(): number;
  countTimers(): number;
  setTimeout(callback: () => void, ms: number): unknown;
}

const globals = globalThis as unknown as Record<string, unknown>;
const NAMES = ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"];
const real = { globals: Object.fromEntries(NAMES.map((name) => [name, globals[name]])), timeout: AbortSignal.timeout };
const realSetTimeout = globalThis.setTimeout;
const realClearTimeout = globalThis.clearTimeout;
let current: { time: FakeTime; clock: Clock } | undefined;

function restoreGlobals(): void {
  Object.assign(globals, real.globals);
  AbortSignal.timeout = real.timeout;
}

function overrideGlobals(clock: Clock): void {
  const fakes = clock as unknown as Record<string, unknown>;
  for (const name of NAMES) globals[name] = fakes[name];
  AbortSignal.timeout = (ms: number): AbortSignal => {
    const aborter = new AbortController();
    clock.setTimeout(() => aborter.abort(new DOMException("Signal timed out.", "TimeoutError")), ms);
    return aborter.signal;
  };
}

export class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

export interface FakeTimeOptions {
  advanceRate: number;
  advanceFrequency?: number;
}

export interface DelayOptions {
  signal?: AbortSignal;
  persistent?: boolean;
}

export class FakeTime {
  #clock: Clock;
  #start: number;
  #advancing: ReturnType<typeof setInterval> | undefined;

  constructor(start?: number | string | Date | null, options?: FakeTimeOptions) {
    if (current) throw new TimeError("Cannot construct FakeTime: time is already faked");
    this.#start = start === undefined || start === null ? Date.now() : Math.floor(new Date(start).valueOf());
    if (Number.isNaN(this.#start)) throw new TimeError(`Cannot construct FakeTime: invalid start time ${start}`);
    if (options && options.advanceRate > 0) {
      const frequency = options.advanceFrequency ?? 10;
      this.#advancing = setInterval(() => this.tick(options.advanceRate * frequency), frequency);
    }
    this.#clock = (FakeTimers as unknown as { createClock(now: number, loopLimit: number): Clock })
      .createClock(this.#start, 100_000);
    current = { time: this, clock: this.#clock };
    overrideGlobals(this.#clock);
  }

  static restore(): void {
    if (!current) throw new TimeError("Cannot restore time: time is already restored");
    current.time.restore();
  }

  // deno-lint-ignore no-explicit-any -- the same signature as std's
  static async restoreFor<T>(callback: (...args: any[]) => Promise<T> | T, ...args: any[]): Promise<T> {
    if (!current) throw new TimeError("Cannot restore time: time is not faked");
    restoreGlobals();
    try {
      return await callback(...args);
    } finally {
      if (current) overrideGlobals(current.clock);
    }
  }

  get now(): number {
    return this.#clock.now;
  }

  set now(value: number) {
    if (value < this.now) {
      throw new RangeError(`Cannot set current time in the past: time must be >= ${this.now}, received ${value}`);
    }
    this.#clock.tick(value - this.now);
  }

  get start(): number {
    return this.#start;
  }

  set start(_value: number) {
    throw new Error("Cannot change start time after initialization");
  }

  delay(ms: number, options: DelayOptions = {}): Promise<void> {
    const { signal } = options;
    const aborted = (): DOMException => new DOMException("Delay was aborted.", "AbortError");
    if (signal?.aborted) return Promise.reject(aborted());
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        realClearTimeout(timer);
        reject(aborted());
      };
      const timer = realSetTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  tick(ms = 0): void {
    this.now += ms;
  }

  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  next(): boolean {
    if (this.#clock.countTimers() === 0) return false;
    this.#clock.next();
    return true;
  }

  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  runAll(): void {
    while (this.#clock.countTimers() > 0) this.next();
  }

  async runAllAsync(): Promise<void> {
    while (this.#clock.countTimers() > 0) await this.nextAsync();
  }

  restore(): void {
    if (current?.time !== this) throw new TimeError("Cannot restore time: time is already restored");
    current = undefined;
    restoreGlobals();
    if (this.#advancing !== undefined) clearInterval(this.#advancing);
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
