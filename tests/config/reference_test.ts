import { assert, assertEquals, assertStringIncludes } from "@std/assert";
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
import { OUTCOME_LABELS, outcomeLabels, OUTCOMES_PAGE, outcomesReference } from "../../tools/outcomes_reference.ts";
import { REDACTION_PAGE, redactionReference } from "../../tools/redaction_reference.ts";
import { withReference } from "../../tools/reference.ts";

Deno.test("README.md carries the reference as the fields have it", async () => {
  const readme = await Deno.readTextFile("README.md");
  assertEquals(readme, withReference(readme), "run: deno task docs");
});

Deno.test("docs/reference/redaction.md has the current lists", async () => {
  assertEquals(await Deno.readTextFile(REDACTION_PAGE), redactionReference(), "run: deno task docs");
});

Deno.test("docs/reference/outcomes.md and the labels of the dashboard have the current outcomes", async () => {
  assertEquals(await Deno.readTextFile(OUTCOMES_PAGE), outcomesReference(), "run: deno task docs");
  assertEquals(await Deno.readTextFile(OUTCOME_LABELS), outcomeLabels(), "run: deno task docs");
});

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
