/** The signals that ask a process to end. */

import { Arrivals } from "./arrivals.ts";

/** A request to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Signals as they arrive, one after the other. */
export interface StopSignals {
  /**
   * Waits for the next signal.
   *
   * @returns The signal; one that came before anybody waited is not lost.
   */
  next(): Promise<StopSignal>;
  /** Stops listening. */
  close(): void;
}

/** The exit codes of a process that a signal ended: 128 and the signal's number. */
export const SIGNAL_EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Listens for the signals that ask the process to end.
 *
 * @returns The signals.
 */
export function listenForStop(): StopSignals {
  const arrivals = new Arrivals<StopSignal>();
  // Windows knows Ctrl-C only; listening for SIGTERM throws there.
  const signals: readonly StopSignal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const listeners = signals.map((signal) => {
    const listener = () => arrivals.push(signal);
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return { next: () => arrivals.next(), close: () => listeners.forEach((remove) => remove()) };
}
