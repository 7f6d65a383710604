/**
 * What a configuration file may cost. Honest files stay far below; a hostile one costs about as much as an honest one of
 * the greatest length, which is less than a second on a machine of two cores.
 */

/** Length of the text, in UTF-16 units. Ten thousand services take three quarters of it. */
export const MAX_TEXT_LENGTH = 2_097_152;

/** Mappings and lists inside each other; the configuration itself needs four. */
export const MAX_DEPTH = 100;

/** Values after aliases are followed: an alias is a reference in the file, but a copy in the configuration. */
export const MAX_VALUES = 150_000;

/** Length of all texts together, after aliases are followed, and again after placeholders are resolved. */
export const MAX_TOTAL_LENGTH = 4_194_304;

/** Different files and variables that placeholders name. */
export const MAX_REFERENCES = 1_000;

/** Files read at the same time. Each file on a hanging mount blocks a thread of the runtime, which has few. */
export const MAX_CONCURRENT_READS = 16;
