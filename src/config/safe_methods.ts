/** Methods that change nothing. */

/** The safe methods (RFC 9110 §9.2.1); TRACE, the fourth, is never forwarded. */
export const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];
