/** Copies per second: a token bucket. */

/**
 * Takes a token for one copy, where there is one. As many as come in one second, but at least one, are kept for a burst.
 *
 * @param state The shadow's state.
 * @param maxPerSecond How many tokens come in a second.
 * @param nowMs The time.
 * @returns Whether the copy may be sent.
 */
export function takeToken(
  state: { tokens: number; refilledMs: number },
  maxPerSecond: number,
  nowMs: number,
): boolean {
  const added = Math.max(0, nowMs - state.refilledMs) / 1_000 * maxPerSecond;
  const tokens = Math.min(Math.max(1, maxPerSecond), state.tokens + added);
  state.refilledMs = nowMs;
  state.tokens = tokens >= 1 ? tokens - 1 : tokens;
  return tokens >= 1;
}
