/** `conductor report`: gets the report of a running conductor from its admin listener, and prints it. */

import { delay } from "@std/async/delay";
import { renderMarkdown } from "../compare/render_markdown.ts";
import { renderText } from "../compare/render_text.ts";
import type { Report, Verdict } from "../compare/report.ts";
import { THRESHOLD_NAMES } from "../compare/report_thresholds.ts";
import { whyUnreadable } from "../config/read/config_error.ts";
import { readBoundedText } from "../lib/bounded_text.ts";
import { createPaint } from "../lib/paint.ts";
import { printable, printableJson } from "../lib/printable.ts";
import { socketPath } from "../lib/unix_socket.ts";
import type { ParsedArgs } from "./command_line.ts";
import { CommandError, UsageError } from "./commands.ts";
import type { FlagValues } from "./flags.ts";
import { type Io, writeError } from "./io.ts";
import { readTextFile } from "./read_text_file.ts";

const EXIT_CODES: Readonly<Record<Verdict, number>> = { ready: 0, "not-ready": 1, "not-enough-traffic": 3 };
/** Differs from 1, which means that there is a report with a negative verdict. */
const EXIT_NO_REPORT = 4;
/** Time between two reports with `--wait`, in milliseconds. */
const WAIT_INTERVAL_MS = 5_000;
const MAX_TOKEN_BYTES = 4_096;
const FETCH_TIMEOUT_MS = 30_000;
const MAX_REPORT_BYTES = 64 * 2 ** 20;

/** Prints a report, and returns the exit code of its verdict. Throws a {@linkcode UsageError} without `--admin`. */
export async function runReport({ flags }: ParsedArgs, io: Io): Promise<number> {
  const { admin, tokenFile, format } = flags;
  if (admin === undefined) throw new UsageError("`report` needs the admin listener: --admin URL");
  try {
    const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
    const report = await waitForReport(flags.wait ?? 0, () => fetchReport(admin, { query: queryOf(flags), token }));
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

async function readToken(path: string): Promise<string> {
  let text: string;
  try {
    text = await readTextFile(path, MAX_TOKEN_BYTES);
  } catch (cause) {
    throw new CommandError(`Cannot read the token from "${path}": ${whyUnreadable(cause)}`, { cause });
  }
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CommandError(`Cannot read the token from "${path}": the file must contain one token without spaces`);
}

interface FetchOptions {
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

async function fetchReport(admin: URL, { query, token }: FetchOptions): Promise<Report> {
  const path = socketPath(admin.href);
  const origin = path === undefined ? admin.origin : `unix:${path}`;
  const base = path === undefined ? admin.href.replace(/[?#].*$/s, "").replace(/\/*$/, "/") : "http://localhost/";
  const url = new URL("api/report", base);
  url.search = query.toString();
  const headers = { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    // A redirect is not followed: it could send the token to another server.
    response = await fetch(url, { headers, signal, redirect: "manual", ...clientFor(path) });
    text = await readText(response);
  } catch (error) {
    const reason = signal.aborted ? `no response within ${FETCH_TIMEOUT_MS / 1_000} s` : messageOf(error);
    throw new CommandError(`Cannot reach the admin listener at ${origin}: ${reason}`, { cause: error });
  }
  const fail = (reason: string) => new CommandError(`Cannot get a report from ${origin}: ${reason}`);
  if (response.status === 401) {
    throw fail(token === undefined ? "the admin listener requires a token; use --token-file FILE" : "invalid token");
  }
  const body = parse(text);
  if (response.status !== 200) {
    const detail = isRecord(body) && typeof body.detail === "string" ? `: ${body.detail}` : "";
    throw fail(`the status is ${response.status}${detail}`);
  }
  if (!isReport(body)) throw fail("the server is not conductor's admin listener");
  return body;
}

function clientFor(path: string | undefined): { readonly client?: Deno.HttpClient } {
  return path === undefined ? {} : { client: Deno.createHttpClient({ proxy: { transport: "unix", path } }) };
}

async function readText({ body }: Response): Promise<string> {
  const text = await readBoundedText(body, MAX_REPORT_BYTES);
  if (text === undefined) throw new Error("the response is too large");
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Recognizes a report of this version or a later one. Only the fields that distinguish it from other JSON are checked.
 */
function isReport(body: unknown): body is Report {
  return isRecord(body) && ["ready", "not-ready", "not-enough-traffic"].includes(String(body.verdict)) &&
    [body.services, body.mismatches, body.noise, body.undecided].every(Array.isArray);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
