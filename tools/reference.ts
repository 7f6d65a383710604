/**
 * Generates the reference pages in docs/ from the declarations in src/. `--write` updates the pages; without it, the
 * names of pages that are out of date are printed, and the exit code is 1.
 *
 * ```sh
 * deno run --allow-read --allow-write tools/reference.ts --write
 * ```
 */

import { COMMANDS, EXIT_CODES } from "../src/cli/commands.ts";
import { COMMON_FLAGS, describeFlag, type FlagName } from "../src/cli/flags.ts";
import { configReference, markdownTable } from "../src/config/schema/reference.ts";
import { METRIC_FAMILIES } from "../src/observe/metric_families.ts";
import { OUTCOME_LABELS, outcomeLabels, OUTCOMES_PAGE, outcomesReference } from "./outcomes_reference.ts";
import { REDACTION_PAGE, redactionReference } from "./redaction_reference.ts";
import { withPart } from "./doc_part.ts";

const ROOT = new URL("../", import.meta.url);
const DECISIONS = "docs/decisions/";

/** Generates each page from its present text, of which only the parts between markers change. */
const GENERATORS: Readonly<Record<string, (page: string) => string | Promise<string>>> = {
  "docs/reference/configuration.md": (page) => withPart(page, "reference", configReference().trimEnd()),
  "docs/reference/metrics.md": (page) => withPart(page, "metrics", metricsReference()),
  "docs/reference/cli.md": (page) => withPart(page, "cli", cliReference()),
  "docs/decisions/README.md": async (page) => withPart(page, "decisions", await decisionIndex()),
  [OUTCOMES_PAGE]: outcomesReference,
  [OUTCOME_LABELS]: outcomeLabels,
  [REDACTION_PAGE]: redactionReference,
};

/** A page that is generated, or has generated parts. */
export interface GeneratedPage {
  /** Path from the root of the repository. */
  readonly path: string;
  /** Present text. */
  readonly present: string;
  /** Text that the declarations give, formatted like the output of `deno fmt`. */
  readonly expected: string;
}

/** Generates all pages. */
export function generatePages(): Promise<GeneratedPage[]> {
  return Promise.all(
    Object.entries(GENERATORS).map(async ([path, generate]) => {
      const present = await Deno.readTextFile(new URL(path, ROOT));
      return { path, present, expected: await generate(present) };
    }),
  );
}

function metricsReference(): string {
  const rows = METRIC_FAMILIES.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
  ]);
  return markdownTable([["Metric", "Type", "Labels", "Meaning"], ...rows]);
}

function cliReference(): string {
  const sections = Object.entries(COMMANDS).map(([name, { operands, summary, details, flags, examples }]) => {
    const usage = ["conductor", name, operands, "[FLAGS]"].filter((part) => part !== "").join(" ");
    const text = `${summary}.\n${details}`.trimEnd();
    const table = flags.length === 0 ? "" : `\n\n${flagTable(flags)}`;
    const lines = examples.map(([line, effect]) => `# ${effect}\n${line}`).join("\n");
    const block = examples.length === 0 ? "" : `\n\n\`\`\`bash\n${lines}\n\`\`\``;
    return `## ${name}\n\n\`${usage}\`\n\n${text}${table}${block}`;
  });
  const exitCodes = markdownTable([["Code", "Meaning"], ...EXIT_CODES.map(([code, text]) => [String(code), text])]);
  return [...sections, `## All commands\n\n${flagTable(COMMON_FLAGS)}`, `## Exit codes\n\n${exitCodes}`].join("\n\n");
}

function flagTable(names: readonly FlagName[]): string {
  const rows = names.map((name) => {
    const { forms, meaning } = describeFlag(name);
    return [forms.map((form) => `\`${form}\``).join(", "), meaning];
  });
  return markdownTable([["Flag", "Meaning"], ...rows]);
}

async function decisionIndex(): Promise<string> {
  const folder = new URL(DECISIONS, ROOT);
  const files = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) => /^\d/.test(name));
  const lines = files.sort().map(async (name) => {
    const [, title = name] = /^# (.*)$/m.exec(await Deno.readTextFile(new URL(name, folder))) ?? [];
    return `- [${title}](${name})`;
  });
  return (await Promise.all(lines)).join("\n");
}

if (import.meta.main) {
  const outdated = (await generatePages()).filter(({ present, expected }) => present !== expected);
  for (const { path, expected } of outdated) {
    if (Deno.args.includes("--write")) await Deno.writeTextFile(new URL(path, ROOT), expected);
    else console.log(`${path} is out of date`);
  }
  if (outdated.length > 0 && !Deno.args.includes("--write")) Deno.exit(1);
}
