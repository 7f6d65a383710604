/** Client of the admin listener of a running conductor, for the commands `report` and `top`. */

import { whyUnreadable } from "../config/read/config_error.ts";
import { readBoundedText } from "../lib/bounded_text.ts";
import { CommandError } from "./commands.ts";
import { socketPath } from "../lib/unix_socket.ts";
import type { FlagValues } from "./flags.ts";
import { readTextFile } from "../server/read_text_file.ts";

const MAX_TOKEN_BYTES = 4_096;
const FETCH_TIMEOUT_MS = 30_000;
const MAX_RESPONSE_BYTES = 64 * 2 ** 20;

/** Options of {@linkcode fetchAdmin}. */
export interface AdminRequestOptions<T> {
  /** Path below the URL of the listener, for example `api/report`. */
  readonly path: string;
  /** Noun for errors, for example `a report`. */
  readonly subject: string;
  /** Parameters of the query. Default: none. */
  readonly query?: URLSearchParams;
  /** Token of the listener; `undefined`: none. */
  readonly token: string | undefined;
  /** Reports whether a body is the expected response. */
  readonly isExpected: (body: unknown) => body is T;
}

/** Reads the file of `--token-file`, if it is set. Throws a {@linkcode CommandError} without a token in it. */
export async function readTokenFlag({ tokenFile }: Pick<FlagValues, "tokenFile">): Promise<string | undefined> {
  return tokenFile === undefined ? undefined : await readToken(tokenFile);
}

/** Gets JSON from an admin listener. Throws a {@linkcode CommandError} with the reason if there is none. */
export async function fetchAdmin<T>(admin: URL, options: AdminRequestOptions<T>): Promise<T> {
  const { path, subject, query, token, isExpected } = options;
  const socket = socketPath(admin.href);
  const origin = socket === undefined ? admin.origin : `unix:${socket}`;
  const base = socket === undefined ? admin.href.replace(/[?#].*$/s, "").replace(/\/*$/, "/") : "http://localhost/";
  const url = new URL(path, base);
  if (query !== undefined) url.search = query.toString();
  const headers = { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    // A redirect is not followed: it could send the token to another server.
    response = await fetch(url, { headers, signal, redirect: "manual", ...clientFor(socket) });
    text = await readText(response);
  } catch (error) {
    const reason = signal.aborted ? `no response within ${FETCH_TIMEOUT_MS / 1_000} s` : messageOf(error);
    throw new CommandError(`Cannot reach the admin listener at ${origin}: ${reason}`, { cause: error });
  }
  const fail = (reason: string) => new CommandError(`Cannot get ${subject} from ${origin}: ${reason}`);
  if (response.status === 401) {
    throw fail(token === undefined ? "the admin listener requires a token; use --token-file FILE" : "invalid token");
  }
  const body = parse(text);
  if (response.status !== 200) {
    const detail = isRecord(body) && typeof body.detail === "string" ? `: ${body.detail}` : "";
    throw fail(`the status is ${response.status}${detail}`);
  }
  if (!isExpected(body)) throw fail("the server is not conductor's admin listener");
  return body;
}

function clientFor(path: string | undefined): { readonly client?: Deno.HttpClient } {
  return path === undefined ? {} : { client: Deno.createHttpClient({ proxy: { transport: "unix", path } }) };
}

/** Reports whether a value of JSON is an object or a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
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

async function readText({ body }: Response): Promise<string> {
  const text = await readBoundedText(body, MAX_RESPONSE_BYTES);
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

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
