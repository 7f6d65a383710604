/** Formats numbers with units, and makes text from the wire printable. */

/** Narrow space without a line break, between a number and its unit. */
const GAP = "\u202f";

/**
 * Control and format characters (bidi overrides, zero-width, tags), lone surrogates, and separators other than the plain
 * space. They could hide or reorder text. src/lib/printable.ts escapes the same set.
 */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Escapes the characters that could hide or reorder text.
 *
 * @param {string} text
 * @returns {string}
 */
export function printable(text) {
  return text.replace(UNPRINTABLE, (character) => {
    const units = character.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
    return units.map((unit) => `\\u${unit}`).join("");
  });
}

/**
 * Returns the parts of the pattern of a route, printable.
 *
 * @param {string} pattern For example `pathPrefix /api`.
 * @returns {[kind: string, path: string]}
 */
export function patternParts(pattern) {
  const [, kind = "", path = pattern] = /^(\S+) (\S.*)$/s.exec(pattern) ?? [];
  return [kind === "pathPrefix" ? "prefix" : kind === "pathExact" ? "exact" : printable(kind), printable(path)];
}

/**
 * Formats a rate, for example `0.4/s` or `1,240/s`.
 *
 * @param {number} perSecond
 * @returns {string}
 */
export function rate(perSecond) {
  if (!(perSecond > 0)) return "0/s";
  if (perSecond < 0.1) return "<0.1/s";
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : count(perSecond)}/s`;
}

/**
 * Formats a ratio, for example `99.9 %`. Only 1 is "100 %", and only 0 is "0 %".
 *
 * @param {number} ratio 0 to 1; `NaN`, which becomes a dash, if it is not known.
 * @returns {string}
 */
export function percent(ratio) {
  if (Number.isNaN(ratio)) return "–";
  if (ratio === 1 || ratio === 0) return `${ratio * 100}${GAP}%`;
  const digits = ratio >= 0.99 ? 2 : 1;
  const scale = 10 ** digits;
  const floored = Math.max(1 / scale, Math.min(100 - 1 / scale, Math.floor(ratio * 100 * scale) / scale));
  return `${floored.toFixed(digits)}${GAP}%`;
}

/**
 * Formats a ratio like the report, with three digits, for example `0.031 %`. Near 1, two digits of the distance from 1 are
 * shown, for example `99.98 %`.
 *
 * @param {number} ratio 0 to 1.
 * @returns {string}
 */
export function finePercent(ratio) {
  const rounded = ratio > 0.99
    ? 100 - Number(((1 - ratio) * 100).toPrecision(2))
    : Number((ratio * 100).toPrecision(3));
  return `${Number(rounded.toFixed(10))}${GAP}%`;
}

/**
 * Formats a duration, for example `0.8 ms`, `12 ms` or `1.24 s`.
 *
 * @param {number} value Milliseconds; `NaN`, which becomes a dash, without a measurement.
 * @returns {string}
 */
export function ms(value) {
  if (Number.isNaN(value)) return "–";
  if (value === Infinity) return `∞`;
  if (value < 9.95) return `${value.toFixed(1)}${GAP}ms`;
  if (value < 999.5) return `${Math.round(value)}${GAP}ms`;
  return `${(value / 1_000).toFixed(value < 9_995 ? 2 : 1)}${GAP}s`;
}

/**
 * Formats a number as an integer with groups of three digits, for example `12,408`.
 *
 * @param {number} value
 * @returns {string}
 */
export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Formats a number of bytes, for example `84 MiB`.
 *
 * @param {number} value
 * @returns {string}
 */
export function bytes(value) {
  const mebibytes = value / 1_048_576;
  if (mebibytes < 1) return `${count(value / 1_024)}${GAP}KiB`;
  return mebibytes < 1_024 ? `${count(mebibytes)}${GAP}MiB` : `${(mebibytes / 1_024).toFixed(1)}${GAP}GiB`;
}

/**
 * Formats a long duration, for example `40 s`, `12 min` or `3 h 12 min`.
 *
 * @param {number} value Milliseconds.
 * @returns {string}
 */
export function uptime(value) {
  const seconds = Math.max(0, Math.floor(value / 1_000));
  if (seconds < 60) return `${seconds}${GAP}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${GAP}min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}${GAP}h ${minutes % 60}${GAP}min`;
  return `${Math.floor(hours / 24)}${GAP}d ${hours % 24}${GAP}h`;
}

/**
 * Formats the time of day in the time zone of the browser, for example `14:03:22.125`.
 *
 * @param {number} timeMs Milliseconds since 1970.
 * @returns {string}
 */
export function clock(timeMs) {
  const time = new Date(timeMs);
  const [h, m, s] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) =>
    String(part).padStart(2, "0")
  );
  return `${h}:${m}:${s}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * Rounds up to the end of an axis: 1, 2, 4, 5, 8 or 10 times a power of ten. A quarter of it is a short number, too.
 *
 * @param {number} value
 * @returns {number}
 */
export function niceCeiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 8].find((step) => step * power >= value) ?? 10) * power;
}
