/** The signals that ask a process to end, and the one that asks it to read its configuration again. */

import { AsyncQueue } from "../lib/async_queue.ts";

/** A request to end. SIGHUP is one only where it tells that the process's terminal has been closed. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Signals as they arrive, one after the other. */
export interface Signals<T> {
  /**
   * Waits for the next signal.
   *
   * @returns The signal; one that came before anybody waited is not lost.
   */
  next(): Promise<T>;
  /** Stops listening. */
  close(): void;
}

/** The exit codes of a process that a signal ended: 128 and the signal's number. */
export const SIGNAL_EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Listens for the signals that ask the process to end.
 *
 * @returns The signals.
 */
export function listenForStop(): Signals<StopSignal> {
  const isHangUp = hangUpDetector();
  return listen<StopSignal>(
    ["SIGINT", "SIGTERM", "SIGHUP"],
    (signal) => signal !== "SIGHUP" || isHangUp() ? signal : undefined,
  );
}

/**
 * Listens for SIGHUP as a request to read the configuration again, which it is by custom for servers.
 *
 * @returns The requests.
 */
export function listenForReload(): Signals<"SIGHUP"> {
  const isHangUp = hangUpDetector();
  return listen(["SIGHUP"], (signal) => isHangUp() ? undefined : signal);
}

function listen<T extends Deno.Signal>(signals: readonly T[], take: (signal: T) => T | undefined): Signals<T> {
  const arrivals = new AsyncQueue<T>();
  // Windows knows Ctrl-C only; listening for the others throws there, or means something else.
  const known = signals.filter((signal) => Deno.build.os !== "windows" || signal === "SIGINT");
  const removals = known.map((signal) => {
    const listener = () => {
      const taken = take(signal);
      if (taken !== undefined) arrivals.push(taken);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return { next: () => arrivals.next(), close: () => removals.forEach((remove) => remove()) };
}

/** A terminal that has been closed is none any more; without this check the server would stay behind, and keep its port. */
function hangUpDetector(): () => boolean {
  const terminals = [Deno.stdin, Deno.stdout, Deno.stderr].filter((stream) => stream.isTerminal());
  return () => terminals.some((stream) => !stream.isTerminal());
}
