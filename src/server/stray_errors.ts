/** Errors that nobody caught: reported, and not a reason to stop serving everybody else. */

/**
 * Takes over the process's uncaught errors.
 *
 * @param onError Told of each.
 * @returns A function that gives them back.
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
