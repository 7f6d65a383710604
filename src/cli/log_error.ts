/** What nobody expected, as a line of the log. */

import { BrokenResponseError } from "../exchange/response_body.ts";
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
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    logger().log("error", message, { error: text });
  };
}
