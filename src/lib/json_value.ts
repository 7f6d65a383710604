/** What values of JSON documents are. */

import { ExactNumber } from "./exact_json.ts";

/** An object of a JSON document. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A type of JSON. */
export type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

/**
 * Tells whether a value is an object of a JSON document.
 *
 * @param value A value of a parsed document.
 * @returns Whether it has members.
 */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/**
 * Finds the type of a value.
 *
 * @param value A value of a parsed document.
 * @returns Its type.
 */
export function jsonTypeOf(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isJsonObject(value)) return "object";
  if (typeof value === "boolean" || typeof value === "string") return typeof value as "boolean" | "string";
  return "number";
}
