/** The admin listener's answers. It only shows; all that can be changed is what a person calls noise. */

import { respondMismatches } from "../compare/respond_mismatches.ts";
import { respondNoise } from "../compare/respond_noise.ts";
import { respondReport } from "../compare/respond_report.ts";
import { LoopShare } from "../lib/loop_share.ts";
import type { MetricsReading } from "../observe/metrics_reading.ts";
import { printableJson } from "../observe/printable.ts";
import { respondMetrics } from "../observe/respond_metrics.ts";
import { Access } from "./access.ts";
import { ASSETS } from "./assets.ts";
import { viewConfig } from "./config_view.ts";
import { EventStreams } from "./event_streams.ts";
import { whyUnready } from "./readiness.ts";
import type { AdminSource } from "./source.ts";
import { TokenCheck } from "./token.ts";

/** Where the listener is, and what it asks for. */
export interface AdminOptions {
  /** The configured address. */
  readonly hostname: string;
  /** The port that is listened on. */
  readonly port: number;
  /** What who asks must know; `undefined`: nothing. */
  readonly token: string | undefined;
}

/** Answers, until it is closed. */
export interface AdminHandler {
  /**
   * Answers a request.
   *
   * @param request The request.
   * @returns The answer. It does not reject because of what a client sends.
   */
  handle(request: Request): Promise<Response>;
  /** Ends the event streams, which would else hold up a shutdown. */
  close(): void;
}

const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** Share of the event loop for reports. A report over a full tally takes tens of milliseconds. */
const REPORT_SHARE = { ratio: 0.2, burstMs: 100, sliceMs: 0 };

/** On every answer: nothing is kept, framed, guessed or passed on, and only what is served here runs. */
const SAFETY: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * Makes the handler of an admin listener.
 *
 * @param source Where everything comes from.
 * @param options Where the listener is, and what it asks for.
 * @returns The handler.
 */
export function createAdminHandler(source: AdminSource, options: AdminOptions): AdminHandler {
  const token = options.token === undefined ? undefined : new TokenCheck(options.token);
  const access = new Access({ ...options, token });
  const streams = new EventStreams(source);
  const reports = new LoopShare({ ...REPORT_SHARE, now: () => performance.now() });

  /** Probes come by the address of a container and without a token; they learn one word. */
  async function answerProbe(path: string): Promise<Response | undefined> {
    if (path === "/healthz") return respond("ok\n", TEXT_TYPE);
    if (path !== "/readyz") return undefined;
    const reason = whyUnready(await source.state());
    return reason === undefined
      ? respond("ready\n", TEXT_TYPE)
      : respond(`not ready: ${reason}\n`, TEXT_TYPE, { status: 503 });
  }

  async function logIn(given: string): Promise<Response> {
    const cookie = await access.cookieFor(given);
    if (cookie === undefined) return refuse({ status: 401, text: "This is not the token" });
    return respond("", TEXT_TYPE, { status: 303, headers: { location: "/", "set-cookie": cookie } });
  }

  function openStream(request: Request, url: URL): Response {
    if (request.method === "HEAD") return respond("", "text/event-stream");
    const events = streams.open(idFrom(request.headers.get("last-event-id") ?? url.searchParams.get("after")));
    if (events !== undefined) return respond(events, "text/event-stream");
    return refuse({ status: 503, text: "Too many are reading the events already" });
  }

  async function showMetrics(request: Request): Promise<Response> {
    const { metrics, process, workers } = await source.state();
    const reading: MetricsReading = { metrics, process, workers };
    return withSafety(respondMetrics(request, reading, source.config.metrics));
  }

  /** What was compared; a person may also say there what is noise. */
  async function showComparisons(request: Request, url: URL): Promise<Response | undefined> {
    switch (url.pathname) {
      case "/api/report": {
        const { tally } = await source.comparisons(Infinity);
        return await reports.run(() => respondReport(request, tally, source.marks.list()));
      }
      case "/api/mismatches": {
        const { tally, mismatches } = await source.comparisons(idFrom(url.searchParams.get("after")));
        return respondMismatches(request, tally && { after: () => mismatches });
      }
      case "/api/noise":
        return await respondNoise(request, source.marks);
    }
  }

  async function show(request: Request, url: URL): Promise<Response> {
    switch (url.pathname) {
      case "/api/state":
        return json(await source.state());
      case "/api/exchanges":
        return json(await source.exchanges(idFrom(url.searchParams.get("after"))));
      case "/api/events":
        return openStream(request, url);
      case "/config":
        return json(viewConfig(source.config));
    }
    if (url.pathname === source.config.metrics.endpoint) return await showMetrics(request);
    const asset = ASSETS.find(({ path }) => path === url.pathname);
    return asset === undefined
      ? refuse({ status: 404, text: "There is nothing here" })
      : respond(asset.text, asset.type);
  }

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const changes = request.method !== "GET" && request.method !== "HEAD";
    if (changes && url.pathname !== "/api/noise") {
      return refuse({ status: 405, text: "Only GET and HEAD are answered here" }, { allow: "GET, HEAD" });
    }
    const probed = await answerProbe(url.pathname);
    if (probed !== undefined) return probed;
    const foreign = access.refuseOrigin(request.headers);
    if (foreign !== undefined) return refuse(foreign);
    const given = url.searchParams.get("token");
    if (token !== undefined && given !== null && url.pathname === "/") return await logIn(given);
    const stranger = await access.refuseStranger(request.headers);
    if (stranger !== undefined) return refuse(stranger, { "www-authenticate": "Bearer" });
    const compared = await showComparisons(request, url);
    return compared === undefined ? await show(request, url) : withSafety(compared);
  }

  return {
    handle: async (request) => {
      const response = await answer(request);
      return request.method === "HEAD" ? new Response(null, response) : response;
    },
    close: () => streams.close(),
  };
}

function withSafety({ body, status, headers }: Response): Response {
  return new Response(body, { status, headers: { ...SAFETY, ...Object.fromEntries(headers) } });
}

function json(value: unknown): Response {
  return respond(printableJson(JSON.stringify(value)) + "\n", JSON_TYPE);
}

function refuse({ status, text }: { readonly status: number; readonly text: string }, headers = {}): Response {
  return respond(text + "\n", TEXT_TYPE, { status, headers });
}

function respond(
  body: BodyInit,
  type: string,
  { status = 200, headers = {} }: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): Response {
  return new Response(body, { status, headers: { ...SAFETY, "content-type": type, ...headers } });
}

/** Whatever is no id starts at the beginning. */
function idFrom(text: string | null): number {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
