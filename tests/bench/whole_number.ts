/** Numbers on a command line. */

/**
 * Reads a flag's value.
 *
 * @param flag The flag's name.
 * @param value Its value; `undefined` where it was not given.
 * @param absent What it is then.
 * @returns The number.
 * @throws {Error} If it is not a whole number from 1 to 99,999.
 */
export function wholeNumber(flag: string, value: string | undefined, absent: number): number {
  if (value === undefined) return absent;
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new Error(`Cannot use "--${flag}" as a whole number above 0 is needed: "${value}"`);
}
