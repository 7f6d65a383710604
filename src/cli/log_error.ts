/** What nobody expected, as a line of the log. */

import type { Config } from "../config/config.ts";
import { BrokenResponseError } from "../exchange/response_body.ts";
import { redactText } from "../lib/secret_text.ts";
import type { Logger } from "../observe/log.ts";
import { createRedaction } from "../observe/redaction.ts";

/** Log and configuration that are in force when an error occurs. */
export interface ErrorLogOptions {
  /** Returns the log of the running configuration. */
  readonly logger: () => Logger;
  /** Returns the running configuration: errors of the runtime may contain its secrets, such as a URL. */
  readonly config: () => Config;
}

/**
 * Creates a function that logs unexpected errors.
 *
 * @param options Log and configuration.
 * @returns Writes a line with the error's stack, without secrets. A response that broke off has an event of its own.
 */
export function logErrorTo({ logger, config }: ErrorLogOptions): (message: string, error: unknown) => void {
  return (message, error) => {
    if (error instanceof BrokenResponseError) return;
    const redaction = createRedaction(config());
    const lines = textOf(error).split("\n").map((line) => redaction.text(line));
    logger().log("error", message, { error: lines.join("\n") });
  };
}

/** A message may quote a URL from the wire. Frames do not, and have names of files that look like names of secrets. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return redactText(String(error));
  const { message, stack = message } = error;
  return stack.replace(message, () => redactText(message));
}
