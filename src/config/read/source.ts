/** What is known of the text that a configuration was read from. */

import type { ConfigProblem } from "./config_error.ts";

/** Answers questions about single values by their path, such as `services[0].headers.Authorization`. */
export interface ConfigSource {
  /** The line of a value, counted from 1; `undefined` where it cannot be told for sure. */
  readonly lineOf?: (path: string) => number | undefined;
  /** Text of a value before its `${file:…}` and `${env:…}` were resolved; `undefined` if it had none. */
  readonly templateOf?: (path: string) => string | undefined;
  /** What placeholders have yielded, by itself and with the text around it: not to be shown. */
  readonly secrets?: readonly string[];
  /** Whether a value could not be read, which is among the problems already. */
  readonly isUnknown?: (path: string) => boolean;
  /** What was wrong while the text was read, short of making it unreadable. */
  readonly problems?: readonly ConfigProblem[];
}
