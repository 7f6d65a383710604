/** Handler of the admin listener. Only login, logout, noise marks and the reset of the report change anything. */

import { respondMismatches, respondNoise, respondReport, respondReset, sinceOf } from "../compare/admin_responses.ts";
import { acceptedTypes, unknownLength } from "../http/client_response.ts";
import { clientNetwork } from "../http/client_address.ts";
import type { ConnectionInfo } from "../http/client_request.ts";
import { IncompleteBody, readBoundedText, SHORT_BODY_TIMEOUT_MS } from "../lib/bounded_text.ts";
import { respondMetrics } from "../observe/respond_metrics.ts";
import { FetchRequest, toResponse } from "../proxy/fetch_handler.ts";
import { Access, readTarget, type Refusal, type Target } from "./access.ts";
import { type Asset, readAsset } from "./asset_files.ts";
import type { AdminSource } from "./api.ts";
import { viewConfig } from "./config_view.ts";
import { EventStreams } from "./event_streams.ts";
import type { GuessReport } from "./guesses.ts";
import { type Caller, Identity } from "./identity.ts";
import { LOGIN_STYLE, loginPage, redirect, refuse, respond, respondJson, TEXT_TYPE, withSafety } from "./responses.ts";
import { unreadyReason } from "./state_view.ts";
import { WorkShare } from "./work_share.ts";

/** Options of {@linkcode createAdminHandler}. */
export interface AdminOptions {
  /** Configured address. */
  readonly hostname: string;
  /** Port of the listener; `undefined` on a Unix socket, and for a handler that another server mounts. */
  readonly port: number | undefined;
  /** Configured token; `undefined`: no token is required. */
  readonly token: string | undefined;
  /** Clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** Called with a report of wrong tokens. Default: no report. */
  readonly onGuesses?: (report: GuessReport) => void;
  /** Called with an unexpected exception. Default: no report. */
  readonly onError?: (message: string, error: unknown) => void;
}

/** Handler of the admin listener. */
export interface AdminHandler {
  /** Responds to a request. The address of the peer identifies the client. The promise never rejects. */
  handle(request: Request, connection?: Pick<ConnectionInfo, "remoteAddr">): Promise<Response>;
  /** Ends the event streams, which would otherwise delay a shutdown. */
  close(): void;
}

/** A request that has passed all access checks. */
interface AdminRequest extends Target {
  readonly request: Request;
  readonly caller: Caller;
  /** Key of the budget of the client. */
  readonly client: string;
}

const HTML_TYPE = "text/html; charset=utf-8";
const FORM_TYPE = /^application\/x-www-form-urlencoded *(?:;|$)/i;
const MAX_FORM_BYTES = 4_096;
/** Budget key of probes. They need no token, so they have a budget of their own. */
const PROBES = "probes";
const CHANGES: ReadonlySet<string> = new Set(["/api/noise", "/api/report/reset", "/login", "/logout"]);
const NOT_FOUND: Refusal = { status: 404, text: "Not found." };
const NO_DASHBOARD: Refusal = { status: 404, text: "Not found: the package has no files of the dashboard." };
const LATE: Refusal = { status: 408, text: "The request body arrived too slowly." };
const INCOMPLETE: Refusal = { status: 400, text: "The request body is incomplete." };
const BUSY: Refusal = { status: 503, text: "Too many requests.", headers: { "retry-after": "1" } };

/** Creates the handler of an admin listener. */
export function createAdminHandler(source: AdminSource, options: AdminOptions): AdminHandler {
  const { now = () => performance.now(), onGuesses = () => {}, onError = () => {} } = options;
  const access = new Access(options);
  const identity = new Identity({ ...options, port: options.port ?? 0, now, onGuesses });
  const work = new WorkShare(now);
  const streams = new EventStreams(source);
  let unready: string | undefined;

  async function respondTo(request: Request, network: string): Promise<Response> {
    const target = readTarget(request);
    if ("status" in target) return refuse(target);
    const probed = isRead(request) ? await respondProbe(target.path) : undefined;
    if (probed !== undefined) return probed;
    const foreign = access.refuseOrigin(request);
    if (foreign !== undefined) return refuse(foreign);
    if (identity.isRequired) {
      if (isRead(request) && target.path === LOGIN_STYLE.path) return respond(LOGIN_STYLE.text, LOGIN_STYLE.type);
      const login = await respondLogin(request, target, network);
      if (login !== undefined) return login;
    }
    const identified = identity.identify(request.headers, target.path, network);
    if ("status" in identified) return refuseUnauthenticated(request, identified);
    const { caller, path } = identified;
    if (!isRead(request) && !CHANGES.has(path)) {
      return refuse({ status: 405, text: "Only GET and HEAD are supported here.", headers: { allow: "GET, HEAD" } });
    }
    if (path === "/logout") return respondLogout(request, caller);
    const client = caller.session ?? network;
    if (work.waitMs(client) > 0) return refuse(BUSY);
    return await show({ request, caller, client, path, query: target.query });
  }

  /** Responds to probes with a short text. They have no token, and use the address of a container as Host. */
  async function respondProbe(path: string): Promise<Response | undefined> {
    if (path === "/healthz") return respond("ok\n", TEXT_TYPE);
    if (path !== "/readyz") return undefined;
    // Other clients can use up the total budget. Readiness must not become stale because of that.
    if (work.ownWaitMs(PROBES) === 0) unready = unreadyReason(await work.read(PROBES, () => source.state()));
    return unready === undefined
      ? respond("ready\n", TEXT_TYPE)
      : respond(`not ready: ${unready}\n`, TEXT_TYPE, { status: 503 });
  }

  async function respondLogin(
    request: Request,
    { path, query }: Target,
    network: string,
  ): Promise<Response | undefined> {
    let token: string | null | undefined;
    if (path === "/login" && request.method === "POST") {
      if (!FORM_TYPE.test(request.headers.get("content-type") ?? "")) {
        return refuse({ status: 415, text: "The token must be sent as application/x-www-form-urlencoded." });
      }
      const form = await readBoundedText(request.body, MAX_FORM_BYTES, { timeoutMs: SHORT_BODY_TIMEOUT_MS });
      if (form === undefined) return refuse({ status: 413, text: "The form is too large." });
      token = new URLSearchParams(form).get("token") ?? "";
    } else if (path === "/" && request.method === "GET") {
      token = query.get("token");
    }
    if (token === null || token === undefined) return undefined;
    const login = identity.logIn(token, network);
    if (!("status" in login)) return redirect(login);
    return refuseUnauthenticated(request, login, true);
  }

  function respondLogout({ method }: Request, { session }: Caller): Response {
    if (session === undefined) return refuse(NOT_FOUND);
    if (method !== "POST") {
      return refuse({ status: 405, text: "Only POST is supported here.", headers: { allow: "POST" } });
    }
    const logout = identity.logOut(session);
    streams.check();
    return redirect(logout);
  }

  async function show(admitted: AdminRequest): Promise<Response> {
    const { request, client, path, query } = admitted;
    switch (path) {
      case "/api/state":
        return await showJson(client, () => source.state());
      case "/api/exchanges":
        return await showJson(client, () => source.exchanges(idFrom(query.get("after"))));
      case "/api/events":
        return openStream(admitted);
      case "/config":
        return await showJson(client, () => Promise.resolve(viewConfig(source.config)));
      case "/api/report": {
        const sinceMs = sinceOf(query);
        const { stats } = await work.read(client, () => source.comparisons(Infinity, sinceMs));
        return work.write(client, () => withSafety(respondReport(request, stats, source.marks.list())));
      }
      case "/api/report/reset":
        return withSafety(await work.read(client, () => respondReset(request, () => source.resetComparisons())));
      case "/api/mismatches": {
        const after = idFrom(query.get("after"));
        const { stats, mismatches } = await work.read(client, () => source.comparisons(after));
        return work.write(client, () => withSafety(respondMismatches(request, stats && { after: () => mismatches })));
      }
      case "/api/noise":
        return withSafety(await work.read(client, () => respondNoise(request, source.marks)));
      case source.config.metrics.endpoint: {
        const reading = await work.read(client, () => source.reading());
        const { metrics: settings } = source.config;
        const clientRequest = new FetchRequest(request, {});
        return work.write(client, () => withSafety(toResponse(respondMetrics(clientRequest, reading, settings))));
      }
    }
    const asset = await findAsset(path);
    return "status" in asset ? refuse(asset) : respond(asset.text, asset.type);
  }

  async function showJson(client: string, read: () => Promise<unknown>): Promise<Response> {
    const value = await work.read(client, read);
    return work.write(client, () => respondJson(value));
  }

  function openStream({ request: { method, headers }, query, caller, client }: AdminRequest): Response {
    if (method === "HEAD") return respond(unknownLength(), "text/event-stream");
    const events = work.write(client, () =>
      streams.open(idFrom(headers.get("last-event-id") ?? query.get("after")), {
        network: caller.network,
        name: client,
        mayContinue: () => identity.mayContinue(caller),
      }));
    return events === undefined ? refuse(BUSY) : respond(events, "text/event-stream");
  }

  return {
    handle: async (request, { remoteAddr } = {}) => {
      const network = clientNetwork(remoteAddr?.hostname, null, () => false) ?? "unknown";
      const response = await respondTo(request, network).catch((error) => {
        if (error instanceof IncompleteBody) return refuse(error.isLate ? LATE : INCOMPLETE);
        onError("admin request failed unexpectedly", error);
        return refuse({ status: 500, text: "Internal error." });
      });
      return request.method === "HEAD" ? new Response(response.body && unknownLength(), response) : response;
    },
    close: () => {
      streams.close();
      identity.close();
    },
  };
}

/** Finds a file of the dashboard. It is imported as text, or read from the package in Node, which cannot do that. */
async function findAsset(path: string): Promise<Asset | Refusal> {
  try {
    const { ASSETS } = await import("./assets.ts");
    return ASSETS.find((asset) => asset.path === path) ?? NOT_FOUND;
  } catch {
    return await readAsset(path).then((asset) => asset ?? NOT_FOUND, () => NO_DASHBOARD);
  }
}

function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** Refuses an unauthenticated request; a browser gets a form for the token. */
function refuseUnauthenticated(request: Request, refusal: Refusal, sentToken = false): Response {
  if (refusal.status !== 401 || !acceptedTypes(request.headers.get("accept") ?? undefined).includes("text/html")) {
    return refuse(refusal);
  }
  return respond(loginPage(sentToken), HTML_TYPE, { status: 401 });
}

/** Parses an id. Returns 0, which is before the first id, for invalid text. */
function idFrom(text: string | null): number {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
