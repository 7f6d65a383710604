import { assert, assertStringIncludes } from "@std/assert";
import {
  BREAKER_FIELDS,
  CONFIG_FIELDS,
  HEALTH_FIELDS,
  LOGGING_FIELDS,
  METRICS_FIELDS,
  SERVICE_FIELDS,
  TLS_FIELDS,
} from "../../src/config/fields.ts";
import { configReference, fieldSummaries } from "../../src/config/schema/reference.ts";

Deno.test("configReference() has a row for every field", () => {
  const reference = configReference();
  for (
    const fields of [
      CONFIG_FIELDS,
      SERVICE_FIELDS,
      LOGGING_FIELDS,
      METRICS_FIELDS,
      TLS_FIELDS,
      BREAKER_FIELDS,
      HEALTH_FIELDS,
    ]
  ) {
    for (const [key, { description, type }] of Object.entries(fields)) {
      const row = reference.split("\n").find((line) => line.startsWith(`| \`${key}\` `) && line.includes(description));
      assertStringIncludes(row ?? "", type.label);
    }
  }
});

Deno.test("fieldSummaries() lists the fields that have an effect, with their defaults", () => {
  const summaries = new Map(fieldSummaries());
  assertStringIncludes(summaries.get("port")!, "Default: 8080.");
  assertStringIncludes(summaries.get("services[].url")!, "Required.");
  assertStringIncludes(summaries.get("services[].timeout")!, "Default: the top level's.");
  assert(!summaries.has("services[].weight"));
  for (const summary of summaries.values()) assert(!/[`\n]/.test(summary));
});
