/** `conductor report`: may the new version go live? */

import { renderMarkdown } from "../compare/render_markdown.ts";
import { renderText } from "../compare/render_text.ts";
import type { Report, Verdict } from "../compare/report.ts";
import { whyUnreadable } from "../config/read/config_error.ts";
import { createPaint } from "../lib/paint.ts";
import { printable, printableJson } from "../lib/printable.ts";
import { fetchReport } from "./fetch_report.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { readTextFile } from "./read_text_file.ts";
import type { ReportFormat } from "./report_flags.ts";
import { CommandError, UsageError } from "./usage_error.ts";

const EXIT_CODES: Readonly<Record<Verdict, number>> = { ready: 0, "not-ready": 1, "not-enough-traffic": 3 };
/** Not 1, which would mean that a report was had and says no. */
const NO_REPORT = 4;
const MAX_TOKEN_BYTES = 4_096;

/**
 * Asks a running conductor for its report, and prints it.
 *
 * @param invocation The command line.
 * @param io The outputs.
 * @returns 0 where all services are ready, 1 where one is not, 3 where too little was compared to tell, and 4 where there
 * is no report.
 * @throws {UsageError} Where `--admin` is not given.
 */
export async function runReport({ report: asked }: ParsedArgs, io: Io): Promise<number> {
  const { admin, tokenFile, format, query } = asked;
  if (admin === undefined) {
    throw new UsageError("Cannot ask for a report as the admin listener must be given: --admin URL");
  }
  try {
    const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
    const report = await fetchReport(admin, { query, token });
    io.stdout.write(render(report, format, io));
    return EXIT_CODES[report.verdict];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    io.stderr.write(`${createPaint(io.stderr.isTerminal).bad("error:")} ${printable(error.message)}\n`);
    return NO_REPORT;
  }
}

function render(report: Report, format: ReportFormat, io: Io): string {
  if (format === "json") return `${printableJson(JSON.stringify(report))}\n`;
  return format === "markdown" ? renderMarkdown(report) : renderText(report, createPaint(io.stdout.isTerminal));
}

async function readToken(path: string): Promise<string> {
  let text: string;
  try {
    text = await readTextFile(path, MAX_TOKEN_BYTES);
  } catch (cause) {
    throw new CommandError(`Cannot read the token from "${path}": ${whyUnreadable(cause)}`, { cause });
  }
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CommandError(`The file "${path}" holds no token`);
  return token;
}
