/** `conductor explain`: where a request would go. */

import type { Config, HeaderLine, Member, Route } from "../config/config.ts";
import { encodeNonAscii, isValidQuery, normalizePath, removeDotSegments } from "../config/path.ts";
import { withoutCredentials } from "../http/credentials.ts";
import { forwardingHeaders } from "../http/forwarding.ts";
import { getHeader, stripHopByHop } from "../http/headers.ts";
import { targetFor } from "../http/upstream_request.ts";
import { type AddressMatcher, addressMatcher } from "../http/client_address.ts";
import { compileRoutes, matchRoute } from "../proxy/match.ts";
import { SecretNames } from "../lib/secret_names.ts";
import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { describeComparing } from "./explain_compare.ts";
import { openConfig } from "./config_file.ts";
import { explainShadow, type ShadowExplanation } from "./explain_shadow.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { drawRoutes, routeLabel } from "./route_table.ts";
import { UsageError } from "./usage_error.ts";
import { describeWaiting } from "./explain_wait.ts";

const METHOD = /^[A-Za-z][A-Za-z-]*$/;

/**
 * Shows which route a request would take, which services would get it under which URLs and which would not, and what
 * would be waited for. Nothing is sent.
 *
 * @param invocation The command line.
 * @param io The outputs.
 * @returns 0 where there is a route, 1 where the request would be refused.
 * @throws {UsageError} Where the request is not given as `[METHOD] URL_OR_PATH`.
 * @throws {CommandError} Where the configuration can not be used.
 */
export async function runExplain(invocation: ParsedArgs, io: Io): Promise<number> {
  const { method, authority, path: rawPath, query } = parseRequest(invocation.operands);
  const { config } = await openConfig(invocation, io);
  const paint = createPaint(io.stdout.isTerminal);
  const request = paint.strong(printable(`${method} ${rawPath}${query}`));
  const path = removeDotSegments(rawPath);
  if (path === undefined || !isValidQuery(query)) {
    io.stdout.write(
      `${request} is refused with ${paint.bad("400")}: the ${path === undefined ? "path" : "query"} is malformed\n`,
    );
    return 1;
  }
  const route = matchRoute(compileRoutes(config), normalizePath(path));
  if (route === undefined) {
    io.stdout.write(
      `${request} has no route: it is answered with ${paint.bad("404")}\n\n${drawRoutes(config, { paint })}\n`,
    );
    return 1;
  }
  const asked = { path: encodeNonAscii(path), query: encodeNonAscii(query) };
  const notes = explainShadows(route, config, { method, authority, ...asked, invocation });
  const asking = { ...route, members: route.members.filter((member) => notes.get(member)?.mayBeSent !== false) };
  const noteOf = (member: Member) => notes.get(member)?.text;
  const urlOf = ({ service }: Member) => {
    const sent = service.shadow?.credentials === false
      ? withoutCredentials({ ...asked, headers: [] }, new SecretNames())
      : asked;
    return service.shown.url + targetFor(service, route, sent).slice(service.basePath.length);
  };
  io.stdout.write([
    `${request} takes ${paint.strong(routeLabel(route))}`,
    "",
    drawRoutes({ routes: [route], wait: config.wait }, { paint, urlOf, noteOf }),
    "",
    ...describeWaiting(asking, config, method).map((sentence) => `  ${sentence}`),
    ...describeComparing(asking, config, method).map((sentence) => `  ${sentence}`),
    "",
  ].join("\n"));
  return 0;
}

interface ShadowInfo extends AskedRequest {
  readonly invocation: ParsedArgs;
}

/** A note on each service that is a shadow. */
function explainShadows(
  { members }: Route,
  { trustProxy }: Pick<Config, "trustProxy">,
  { method, authority, path, query, invocation }: ShadowInfo,
): ReadonlyMap<Member, ShadowExplanation> {
  const isTrusted = addressMatcher(trustProxy);
  const asked = {
    method,
    path,
    query,
    authority: getHeader(invocation.headers, "host") ?? authority,
    contentLength: invocation.bodyBytes,
    headers: linesOf(invocation, isTrusted),
  };
  const notes = new Map<Member, ShadowExplanation>();
  for (const member of members) {
    const { service } = member;
    if (service.shadow !== undefined) {
      notes.set(member, explainShadow({ service, policy: service.shadow }, asked, isTrusted));
    }
  }
  return notes;
}

/** What conductor makes of the request's header lines before it decides on copies. */
function linesOf({ headers, client }: ParsedArgs, isTrusted: AddressMatcher): readonly HeaderLine[] {
  return forwardingHeaders(stripHopByHop(headers), {
    clientAddress: client,
    authority: "",
    scheme: "http",
    trusted: client !== undefined && isTrusted(client),
    forwarded: false,
    pseudonym: "",
    requestId: getHeader(headers, "x-request-id") ?? "",
  });
}

interface AskedRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

function parseRequest(operands: readonly string[]): AskedRequest {
  if (operands.length > 2) {
    throw new UsageError(
      `Cannot explain more than one request as [METHOD] URL_OR_PATH is one: also found "${operands[2]}"`,
    );
  }
  const target = operands.at(-1);
  if (target === undefined) {
    throw new UsageError("Cannot explain nothing as a request must be given: [METHOD] URL_OR_PATH");
  }
  const method = operands.length === 2 ? operands[0] ?? "GET" : "GET";
  if (!METHOD.test(method)) {
    throw new UsageError(`Cannot explain "${method}" as a method must be a word such as GET or POST`);
  }
  const [, authority = "", rest = target] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  const [beforeFragment = ""] = rest.split("#", 1);
  if (rest === target && !target.startsWith("/")) {
    throw new UsageError(
      `Cannot explain "${target}" as a path must begin with "/" and a URL with "http://" or "https://"`,
    );
  }
  const queryStart = beforeFragment.includes("?") ? beforeFragment.indexOf("?") : beforeFragment.length;
  const path = beforeFragment.slice(0, queryStart) || "/";
  return { method: method.toUpperCase(), authority, path, query: beforeFragment.slice(queryStart) };
}
