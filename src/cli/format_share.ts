/** A share of the requests, in words. */

/**
 * Writes a share: one that is one of a whole number is said so; others with as many digits as they have.
 *
 * @param share The share, 0 to 1.
 * @returns For example `1 of 10 requests`.
 */
export function formatShare(share: number): string {
  if (share === 0) return "no requests";
  if (share === 1) return "all requests";
  const whole = Math.round(1 / share);
  if (Math.abs(1 / whole - share) < 1e-9) return `1 of ${whole.toLocaleString("en")} requests`;
  let of = 10;
  while (of < 1e9 && Math.abs(Math.round(share * of) / of - share) > 1e-9) of *= 10;
  return `${Math.round(share * of).toLocaleString("en")} of ${of.toLocaleString("en")} requests`;
}
