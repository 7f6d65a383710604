/** Version of the package. */

/** Version of the package, for `--version`, logs and metrics. A test compares it with deno.json. */
export const VERSION = "0.1.0";
