/**
 * Prints the reference of the configuration and of the metrics. With `--write`, updates README.md, the
 * generated pages and the labels of the dashboard instead.
 *
 * ```sh
 * deno run --allow-read --allow-write tools/reference.ts --write
 * ```
 */

import { configReference, markdownTable } from "../src/config/schema/reference.ts";
import { METRIC_FAMILIES } from "../src/observe/metric_families.ts";
import { OUTCOME_LABELS, outcomeLabels, OUTCOMES_PAGE, outcomesReference } from "./outcomes_reference.ts";
import { REDACTION_PAGE, redactionReference } from "./redaction_reference.ts";
import { withPart } from "./readme_part.ts";

const PARTS = { reference: configReference, metrics: metricsReference };

/**
 * Replaces what is between the markers.
 *
 * @param readme The text of README.md.
 * @returns The text with the references as they are now.
 */
export function withReference(readme: string): string {
  return Object.entries(PARTS).reduce((text, [name, write]) => withPart(text, name, write().trimEnd()), readme);
}

function metricsReference(): string {
  const rows = METRIC_FAMILIES.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
  ]);
  return markdownTable([["Metric", "Type", "Labels", "What it says"], ...rows]);
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    const path = new URL("../README.md", import.meta.url);
    await Deno.writeTextFile(path, withReference(await Deno.readTextFile(path)));
    await Deno.writeTextFile(new URL(`../${REDACTION_PAGE}`, import.meta.url), redactionReference());
    await Deno.writeTextFile(new URL(`../${OUTCOMES_PAGE}`, import.meta.url), outcomesReference());
    await Deno.writeTextFile(new URL(`../${OUTCOME_LABELS}`, import.meta.url), outcomeLabels());
  } else {
    await Deno.stdout.write(new TextEncoder().encode(Object.values(PARTS).map((write) => write()).join("\n")));
  }
}
