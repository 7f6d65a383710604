/** The JSON Schema of configuration files, for completion and checks in editors. */

import { CONFIG_FIELDS } from "../fields.ts";
import { section } from "./section.ts";
import type { JsonSchema } from "./value_type.ts";

export type { JsonSchema };

/**
 * Describes configuration files as JSON Schema, draft 2020-12. It looks at a file before placeholders are resolved, so a
 * text with `${env:…}` or `${file:…}` fits every scalar; what it cannot express (unique names, routes of shadows alone),
 * only the validator tells.
 *
 * @returns The schema.
 */
export function configSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "conductor configuration",
    description: "What the HTTP request multiplexer conductor listens on, and the services it sends requests to.",
    ...section(CONFIG_FIELDS).schema,
  };
}
