/** Hooks on the process: uncaught errors, and one notice of Deno. For the owner of the process only. */

/**
 * Reports uncaught errors instead of ending the process, because one error must not stop all other requests.
 *
 * @param onError Called for each error.
 * @returns Function that removes the hooks.
 */
export function captureUncaughtErrors(onError: (message: string, error: unknown) => void): () => void {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    onError("promise rejected unexpectedly", event.reason);
  };
  const onUncaught = (event: ErrorEvent) => {
    event.preventDefault();
    onError("error thrown unexpectedly", event.error);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onUncaught);
  return () => {
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onUncaught);
  };
}

/**
 * Notice that Deno prints once when a handler first reads `request.signal`. The handler needs the signal to detect
 * clients that disconnect, and allows for its firing after a normal end (denoland/deno#28850). The user cannot act on
 * the notice.
 */
const LEGACY_ABORT_NOTICE = "Deno.serve: request.signal aborts on successful responses (legacy behavior)";

/** Drops that notice once from `console.warn`. All other texts pass. */
export function silenceLegacyAbortNotice(target: Pick<Console, "warn"> = console): void {
  const warn = target.warn;
  target.warn = (...data: unknown[]) => {
    if (typeof data[0] === "string" && data[0].startsWith(LEGACY_ABORT_NOTICE)) {
      target.warn = warn;
      return;
    }
    warn.apply(target, data);
  };
}
