/** What is known of the text that a configuration was read from. */

/** Answers questions about single values by their path, such as `services[0].headers.Authorization`. */
export interface ConfigSource {
  /** The line of a value, counted from 1; `undefined` where it can not be told for sure. */
  readonly lineOf?: (path: string) => number | undefined;
  /** Whether a value came from `${file:…}` or `${env:…}`, and must not be shown. */
  readonly isSecret?: (path: string) => boolean;
}
