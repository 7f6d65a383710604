/** What nobody expected, as a line of the log. */

import { BrokenResponseError } from "../exchange/response_body.ts";
import type { Logger } from "../observe/log.ts";

/** An error of the operating system, in its own words. */
const SYSTEM_MESSAGE = /^[\w :]+ \(os error \d+\)$/;

/**
 * Makes a listener for errors that are bugs.
 *
 * @param logger Returns the log of the running configuration.
 * @returns Writes a line with the error's name and the places that it passed through. Messages are left out: they quote what a
 * request brought, URLs with tokens in their queries included. A response that broke off has been logged as an event already.
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
