/** Values and paths in messages: short, on one line, without terminal escapes. */

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

const MAX_SHOWN = 64;
/** Controls, format characters, lone surrogates and unusual separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const MAX_KEY_DIGITS = 2;
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/** Truncates text and escapes unprintable characters. */
export function shorten(text: string, maxLength: number): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength).toWellFormed()}…` : text;
  return shown.replace(UNPRINTABLE, escapeUnits);
}

/** Returns text as a truncated JSON string. */
export function quote(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text;
  return JSON.stringify(shown).replace(UNPRINTABLE, escapeUnits);
}

/** Returns a scalar as text, and the kind of any other value. */
export function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "function" || typeof value === "symbol" ? `a ${typeof value}` : String(value);
}

/** Describes a value that should be a mapping or a list. Text is not quoted, because it may be a misplaced secret. */
export function kindOf(value: unknown): string {
  return typeof value === "string" ? "text" : describe(value);
}

/** Returns `; did you mean "…"?` with the nearest known word, or nothing if no word is near. */
export function suggest(word: string, known: readonly string[]): string {
  if (word.length > 40) return "";
  const nearest = closestString(word, known);
  const distance = levenshteinDistance(word.toLowerCase(), nearest.toLowerCase());
  const isNear = distance <= (nearest.length < 4 ? 1 : Math.max(2, Math.floor(nearest.length / 3)));
  return isNear ? `; did you mean ${quote(nearest)}?` : "";
}

/** Returns the path of a value inside another: `childPath("services[0]", "url")` is `services[0].url`. */
export function childPath(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  if (!PLAIN_KEY.test(key) || key.length > MAX_SHOWN) return `${parent}[${quote(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/** Returns the path of the mapping or list around a value; empty for the whole file. */
export function parentPath(path: string): string {
  return path.replace(/(?:^|\.)[\w-]+$|\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/, "");
}

/** Replaces keys that may be secrets: a missing line break or colon turns a value into a key. */
export function printablePath(path: string): string {
  return path.replace(/\["(?:[^"\\]|\\.)*"\]|\.?[A-Za-z_][\w-]*/g, (step) => {
    return isPrintableKey(step.replace(/^\.|^\["|"\]$/g, "")) ? step : "[…]";
  });
}

/** Reports whether a key looks like a name. Known keys and header names are short with few digits; tokens are not. */
export function isPrintableKey(key: string): boolean {
  return key === "<<" || (/^[\w.$-]{0,40}$/.test(key) && key.replaceAll(/\D/g, "").length <= MAX_KEY_DIGITS);
}

function escapeUnits(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
