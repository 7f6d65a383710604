/** Unexpected errors in the log. */

import { BrokenResponseError } from "../upstream/response_body.ts";
import type { Logger } from "../observe/log.ts";

/** Message of an operating system error, which quotes no request. */
const SYSTEM_MESSAGE = /^[\w :]+ \(os error \d+\)$/;

/**
 * Creates a listener for unexpected errors.
 *
 * @param logger Returns the log of the running configuration.
 * @returns A function that logs the error's name and stack frames. Messages are left out: they may quote a request, for
 * instance a URL with a token. Broken responses are left out because an event has logged them.
 */
export function logErrorTo(logger: () => Logger): (message: string, error: unknown) => void {
  return (message, error) => {
    if (error instanceof BrokenResponseError) return;
    logger().log("error", message, { error: describe(error) });
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `a value of type ${typeof error}`;
  const { name, message, stack = "" } = error;
  if (SYSTEM_MESSAGE.test(message)) return `${name}: ${message}`;
  const places = stack.split("\n").filter((line) => /^ {4}at \S/.test(line) && !message.includes(line.trim()));
  return [name, ...places].join("\n");
}
