/** What a configuration file may cost. Each limit is far from any honest file, and hostile ones end within a second. */

/** Length of the text, in UTF-16 units; ten thousand services take less than half of it. */
export const MAX_TEXT_LENGTH = 4_194_304;

/** Mappings and lists inside each other; the configuration itself needs five. */
export const MAX_DEPTH = 100;

/** Values after aliases are followed: an alias is a reference in the file, but a copy in the configuration. */
export const MAX_VALUES = 500_000;

/** Length of all texts in the configuration, after aliases are followed, and again after placeholders are resolved. */
export const MAX_TOTAL_LENGTH = 8_388_608;

/** Different files and variables that placeholders name. */
export const MAX_REFERENCES = 1_000;
