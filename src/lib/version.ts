/** The version, for `--version`, the start of the log and the metrics. */

/** The version of the package; a test compares it with deno.json. */
export const VERSION = "0.1.0";
