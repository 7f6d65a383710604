/** `conductor report`: gets the report of a running conductor from its admin listener, and prints it. */

import { delay } from "@std/async/delay";
import { renderMarkdown } from "../compare/render_markdown.ts";
import { renderText } from "../compare/render_text.ts";
import type { Report, Verdict } from "../compare/report.ts";
import { THRESHOLD_NAMES } from "../compare/report_thresholds.ts";
import { createPaint } from "../lib/paint.ts";
import { printable, printableJson } from "../lib/printable.ts";
import { fetchAdmin, isRecord, readTokenFlag } from "./admin_client.ts";
import type { ParsedArgs } from "./command_line.ts";
import { CommandError, UsageError } from "./commands.ts";
import type { FlagValues } from "./flags.ts";
import { type Io, writeError } from "./io.ts";

const EXIT_CODES: Readonly<Record<Verdict, number>> = { ready: 0, "not-ready": 1, "not-enough-traffic": 3 };
/** Differs from 1, which means that there is a report with a negative verdict. */
const EXIT_NO_REPORT = 4;
/** Time between two reports with `--wait`, in milliseconds. */
const WAIT_INTERVAL_MS = 5_000;

/** Prints a report, and returns the exit code of its verdict. Throws a {@linkcode UsageError} without `--admin`. */
export async function runReport({ flags }: ParsedArgs, io: Io): Promise<number> {
  const { admin, format } = flags;
  if (admin === undefined) throw new UsageError("`report` needs the admin listener: --admin URL");
  try {
    const token = await readTokenFlag(flags);
    const report = await waitForReport(flags.wait ?? 0, () => {
      return fetchAdmin(admin, {
        path: "api/report",
        subject: "a report",
        query: queryOf(flags),
        token,
        isExpected: isReport,
      });
    });
    io.stdout.write(render(report, format, io));
    return EXIT_CODES[report.verdict];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    writeError(io, printable(error.message));
    return EXIT_NO_REPORT;
  }
}

/**
 * Gets reports until one has a verdict, or until the time in milliseconds has passed. Returns the last one. Each report
 * has another chance to be wrong, so the interval is long.
 */
async function waitForReport(waitMs: number, fetchOnce: () => Promise<Report>): Promise<Report> {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const report = await fetchOnce();
    const leftMs = untilMs - performance.now();
    if (report.verdict !== "not-enough-traffic" || leftMs <= 0) return report;
    await delay(Math.min(leftMs, WAIT_INTERVAL_MS));
  }
}

function queryOf(flags: FlagValues): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of THRESHOLD_NAMES) {
    const text = flags[name];
    if (text !== undefined) query.set(name, text);
  }
  if (flags.since !== undefined) query.set("since", flags.since);
  return query;
}

function render(report: Report, format: FlagValues["format"], io: Io): string {
  if (format === "json") return `${printableJson(JSON.stringify(report))}\n`;
  return format === "markdown" ? renderMarkdown(report) : renderText(report, createPaint(io.stdout.isTerminal));
}

/**
 * Recognizes a report of this version or a later one. Only the fields that distinguish it from other JSON are checked.
 */
function isReport(body: unknown): body is Report {
  return isRecord(body) && ["ready", "not-ready", "not-enough-traffic"].includes(String(body.verdict)) &&
    [body.services, body.mismatches, body.noise, body.undecided].every(Array.isArray);
}
