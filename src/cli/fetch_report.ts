/** Asks a running conductor's admin listener for its report. */

import type { Report } from "../compare/report.ts";
import { readBoundedText } from "../lib/bounded_text.ts";
import { CommandError } from "./usage_error.ts";

/** How a report is asked for. */
export interface FetchReportOptions {
  /** The thresholds, as query parameters. */
  readonly query: URLSearchParams;
  /** The admin listener's token; `undefined` where it needs none. */
  readonly token: string | undefined;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 2 ** 20;

/**
 * Asks for the report.
 *
 * @param admin Where the admin listener is.
 * @param options The thresholds and the token.
 * @returns The report.
 * @throws {CommandError} Where there is none to be had.
 */
export async function fetchReport(admin: URL, { query, token }: FetchReportOptions): Promise<Report> {
  const url = new URL("api/report", admin.href.replace(/[?#].*$/s, "").replace(/\/*$/, "/"));
  url.search = query.toString();
  const headers = { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    // The token is for this listener, and for nobody that it might point to.
    response = await fetch(url, { headers, signal, redirect: "manual" });
    text = await readText(response);
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${TIMEOUT_MS / 1_000} s` : messageOf(error);
    throw new CommandError(`Cannot reach the admin listener at ${url.origin}: ${reason}`, { cause: error });
  }
  if (response.status === 401) {
    throw new CommandError(
      token === undefined
        ? `The admin listener at ${url.origin} needs a token: give the file that holds it with --token-file`
        : `The admin listener at ${url.origin} does not accept the token`,
    );
  }
  const body = parse(text);
  if (response.status !== 200) {
    const detail = isRecord(body) && typeof body.detail === "string" ? `: ${body.detail}` : "";
    throw new CommandError(`The admin listener at ${url.origin} has no report, it answers ${response.status}${detail}`);
  }
  if (!isReport(body)) throw new CommandError(`What answers at ${url.origin} is not conductor's admin listener`);
  return body;
}

async function readText({ body }: Response): Promise<string> {
  const text = await readBoundedText(body, MAX_BYTES);
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

/** What the renderers rely on first; the rest is conductor's own word, of the same version or a later one. */
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
