/** Signals for shutdown and for reload. */

import { AsyncQueue } from "../lib/async_queue.ts";

/** Signal for shutdown. SIGHUP counts only if the process's terminal has been closed. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** A queue of received signals. */
export interface Signals<T> {
  /** Returns the next signal, also one that arrived before the call. */
  next(): Promise<T>;
  /** Stops listening. */
  close(): void;
}

/** Exit codes after a signal: 128 plus the number of the signal. */
export const SIGNAL_EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Listens for shutdown signals. */
export function listenForStop(): Signals<StopSignal> {
  const isHangUp = hangUpDetector();
  return listen<StopSignal>(
    ["SIGINT", "SIGTERM", "SIGHUP"],
    (signal) => signal !== "SIGHUP" || isHangUp() ? signal : undefined,
  );
}

/** Listens for SIGHUP, by which servers reload their configuration. */
export function listenForReload(): Signals<"SIGHUP"> {
  const isHangUp = hangUpDetector();
  return listen(["SIGHUP"], (signal) => isHangUp() ? undefined : signal);
}

function listen<T extends Deno.Signal>(signals: readonly T[], accept: (signal: T) => T | undefined): Signals<T> {
  const received = new AsyncQueue<T>();
  // Windows supports Ctrl-C only: other signals throw there or have another meaning.
  const known = signals.filter((signal) => Deno.build.os !== "windows" || signal === "SIGINT");
  const removals = known.map((signal) => {
    const listener = () => {
      const accepted = accept(signal);
      if (accepted !== undefined) received.push(accepted);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return { next: () => received.next(), close: () => removals.forEach((remove) => remove()) };
}

/** Detects a closed terminal. Without this check the server would stay behind and keep its port. */
function hangUpDetector(): () => boolean {
  const terminals = [Deno.stdin, Deno.stdout, Deno.stderr].filter((stream) => stream.isTerminal());
  return () => terminals.some((stream) => !stream.isTerminal());
}
