import { assertEquals } from "@std/assert";
import { PreviousValues } from "../../src/compare/previous_values.ts";

function placeOf(endpoint: string) {
  return { route: "path /", endpoint, service: "v2" };
}

Deno.test("PreviousValues returns the values of the previous comparison of the same service", () => {
  const values = new PreviousValues();
  assertEquals(values.exchange(placeOf("GET /a"), "$.id", [1, 2]), undefined);
  assertEquals(values.exchange({ ...placeOf("GET /a"), service: undefined }, "$.id", [3, 4]), undefined);
  assertEquals(values.exchange(placeOf("GET /a"), "$.id", [5, 6]), [1, 2]);
  assertEquals(values.exchange(placeOf("GET /b"), "$.id", [7, 8]), undefined);
});

Deno.test("PreviousValues forgets the endpoint that was first seen, above its limit", () => {
  const values = new PreviousValues(2);
  for (const endpoint of ["GET /a", "GET /b", "GET /c"]) values.exchange(placeOf(endpoint), "$.id", [1, 2]);
  assertEquals(values.exchange(placeOf("GET /c"), "$.id", [0, 0]), [1, 2]);
  assertEquals(values.exchange(placeOf("GET /a"), "$.id", [0, 0]), undefined);
});
