/** Parts of documentation pages that programs write, between `<!-- NAME:start -->` and `<!-- NAME:end -->`. */

import { fileURLToPath } from "node:url";

/** Pages with parts that measurements write, from the root of the repository. */
export const MEASURED_PAGES = {
  "bench": "docs/explanation/benchmarks.md",
  "bench-where": "docs/explanation/benchmarks.md",
  "compare-cost": "docs/explanation/benchmarks.md",
  "isolation": "docs/explanation/isolation.md",
  "migration-after": "docs/tutorials/migrate-a-service.md",
  "migration-before": "docs/tutorials/migrate-a-service.md",
  "migration-config": "docs/tutorials/migrate-a-service.md",
  "verdicts": "docs/explanation/comparison-statistics.md",
  "tail": "docs/explanation/tail-latency.md",
} as const;

/** Writes a measured part into its page, and formats the page. */
export async function writeDocPart(name: keyof typeof MEASURED_PAGES, text: string): Promise<void> {
  const page = new URL(`../${MEASURED_PAGES[name]}`, import.meta.url);
  await Deno.writeTextFile(page, withPart(await Deno.readTextFile(page), name, text));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", fileURLToPath(page)] }).output();
}

/** Replaces the text between the markers of a part. */
export function withPart(page: string, name: string, text: string): string {
  const [startMark, endMark] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const [start, end] = [page.indexOf(startMark), page.indexOf(endMark)];
  if (start === -1 || end < start) {
    throw new Error(`Cannot write part "${name}": the page must contain ${startMark} and ${endMark}`);
  }
  return `${page.slice(0, start)}${startMark}\n\n${text}\n\n${page.slice(end)}`;
}
