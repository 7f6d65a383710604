/** Keeps a notice about Deno's own history away from people who run conductor. */

/**
 * What Deno prints, once, as soon as a handler has looked at `request.signal`. Ours has to, to notice clients that go
 * away, and it knows that the signal also fires after a normal end (denoland/deno#28850). Whoever runs the command can do
 * nothing about it.
 */
const NOTICE = "Deno.serve: request.signal aborts on successful responses (legacy behavior)";

/**
 * Leaves that one notice out of `console.warn`, which stays as it is for every other text. To be called by the process's
 * owner only, never by a library.
 *
 * @param target The console to change.
 */
export function silenceLegacyAbortNotice(target: Pick<Console, "warn"> = console): void {
  const warn = target.warn;
  target.warn = (...data: unknown[]) => {
    if (typeof data[0] === "string" && data[0].startsWith(NOTICE)) {
      target.warn = warn;
      return;
    }
    warn.apply(target, data);
  };
}
