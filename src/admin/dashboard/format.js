/** Numbers with their units, and text from the wire made harmless for readers. */

/** Between a number and its unit: narrow, and no line breaks there. */
const GAP = "\u202f";

/**
 * Controls, format characters (bidi overrides, zero-width, tags), lone surrogates and every separator but the plain
 * space: what could hide text or turn it around. The same set as in the log lines.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Replaces what could hide text or turn it around by its escape.
 *
 * @param {string} text Any text.
 * @returns {string} The text, without such characters.
 */
export function printable(text) {
  return text.replace(UNPRINTABLE, (character) => {
    const units = character.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
    return units.map((unit) => `\\u${unit}`).join("");
  });
}

/**
 * Takes a route's pattern apart.
 *
 * @param {string} pattern The pattern, for example `pathPrefix /api`.
 * @returns {[kind: string, path: string]} Its parts as they are shown.
 */
export function patternParts(pattern) {
  const [, kind = "", path = pattern] = /^(\S+) (\S.*)$/s.exec(pattern) ?? [];
  return [kind === "pathPrefix" ? "prefix" : kind === "pathExact" ? "exact" : printable(kind), printable(path)];
}

/**
 * Writes how often something happens.
 *
 * @param {number} perSecond Times per second.
 * @returns {string} For example `0.4/s` or `1,240/s`.
 */
export function rate(perSecond) {
  if (!(perSecond > 0)) return "0/s";
  if (perSecond < 0.1) return "<0.1/s";
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : count(perSecond)}/s`;
}

/**
 * Writes a share in per cent. Only 1 is "100 %", and only 0 is "0 %".
 *
 * @param {number} share From 0 to 1; `NaN` where there is nothing to take a share of.
 * @returns {string} For example `99.9 %`, or a dash.
 */
export function percent(share) {
  if (Number.isNaN(share)) return "–";
  if (share === 1 || share === 0) return `${share * 100}${GAP}%`;
  const digits = share >= 0.99 ? 2 : 1;
  const scale = 10 ** digits;
  const floored = Math.max(1 / scale, Math.min(100 - 1 / scale, Math.floor(share * 100 * scale) / scale));
  return `${floored.toFixed(digits)}${GAP}%`;
}

/**
 * Writes a share as the report does: three digits, and of shares near 1 two of what is missing.
 *
 * @param {number} share From 0 to 1.
 * @returns {string} For example `99.98 %` or `0.031 %`.
 */
export function finePercent(share) {
  const rounded = share > 0.99
    ? 100 - Number(((1 - share) * 100).toPrecision(2))
    : Number((share * 100).toPrecision(3));
  return `${Number(rounded.toFixed(10))}${GAP}%`;
}

/**
 * Writes a duration.
 *
 * @param {number} value Milliseconds; `NaN` where nothing was measured.
 * @returns {string} For example `0.8 ms`, `12 ms` or `1.24 s`, or a dash.
 */
export function ms(value) {
  if (Number.isNaN(value)) return "–";
  if (value === Infinity) return `∞`;
  if (value < 9.95) return `${value.toFixed(1)}${GAP}ms`;
  if (value < 999.5) return `${Math.round(value)}${GAP}ms`;
  return `${(value / 1_000).toFixed(value < 9_995 ? 2 : 1)}${GAP}s`;
}

/**
 * Writes a whole number in groups of three digits.
 *
 * @param {number} value Any number.
 * @returns {string} For example `12,408`.
 */
export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Writes an amount of memory.
 *
 * @param {number} value Bytes.
 * @returns {string} For example `84 MiB`.
 */
export function bytes(value) {
  const mebibytes = value / 1_048_576;
  if (mebibytes < 1) return `${count(value / 1_024)}${GAP}KiB`;
  return mebibytes < 1_024 ? `${count(mebibytes)}${GAP}MiB` : `${(mebibytes / 1_024).toFixed(1)}${GAP}GiB`;
}

/**
 * Writes how long something has been up.
 *
 * @param {number} value Milliseconds.
 * @returns {string} For example `40 s`, `12 min` or `3 h 12 min`.
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
 * Writes the time of day, in the reader's time zone.
 *
 * @param {number} timeMs Milliseconds since 1970.
 * @returns {string} For example `14:03:22.125`.
 */
export function clock(timeMs) {
  const time = new Date(timeMs);
  const [h, m, s] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) =>
    String(part).padStart(2, "0")
  );
  return `${h}:${m}:${s}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * Rounds up to a number that reads well on an axis.
 *
 * @param {number} value A positive number.
 * @returns {number} The next of 1, 2, 4, 5, 8 and 10 times a power of ten: a quarter of it reads well, too.
 */
export function niceCeiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 8].find((step) => step * power >= value) ?? 10) * power;
}
