/** What nobody expected, as a line of the log. */

import { BrokenResponseError } from "../exchange/response_body.ts";
import { redactText } from "../lib/secret_text.ts";
import type { Logger } from "../observe/log.ts";

/**
 * Makes what is told of errors that nobody expected.
 *
 * @param logger Gives the log of the running configuration.
 * @returns Writes a line with the error's stack; a response that broke off has been told of as an event already.
 */
export function logErrorTo(logger: () => Logger): (message: string, error: unknown) => void {
  return (message, error) => {
    if (error instanceof BrokenResponseError) return;
    logger().log("error", message, { error: textOf(error) });
  };
}

/** A message may quote a URL from the wire. Frames do not, and have names of files that look like names of secrets. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return redactText(String(error));
  const { message, stack = message } = error;
  return stack.replace(message, () => redactText(message));
}
