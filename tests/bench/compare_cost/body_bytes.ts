/** How long the answers are. */

/** In bytes. */
export const BODY_BYTES = 2_048;
