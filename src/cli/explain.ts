/** `conductor explain`: shows where a request would go. */

import type { Config, HeaderLine, Member, Route } from "../config/config.ts";
import { describeListener } from "../config/listener_kind.ts";
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
import type { ParsedArgs } from "./command_line.ts";
import { UsageError } from "./commands.ts";
import { explainComparison } from "./explain_compare.ts";
import { explainShadow, type ShadowExplanation } from "./explain_shadow.ts";
import { explainWait } from "./explain_wait.ts";
import type { FlagValues } from "./flags.ts";
import { type Io, writeWarning } from "./io.ts";
import { openConfig } from "./load_config.ts";
import { drawRoutes, routeLabel } from "./route_table.ts";

const METHOD = /^[A-Za-z][A-Za-z-]*$/;

/**
 * Prints the route of a request, the services with the URLs that they would get, and the sentences about them. Sends
 * nothing. Returns 0 if there is a route, and 1 if the request would be rejected.
 */
export async function runExplain(args: ParsedArgs, io: Io): Promise<number> {
  const { method, authority, path: rawPath, query } = parseRequest(args.operands);
  const { config, warnings } = await openConfig(args);
  for (const warning of warnings) writeWarning(io, warning);
  const paint = createPaint(io.stdout.isTerminal);
  const request = paint.strong(printable(`${method} ${rawPath}${query}`));
  const path = removeDotSegments(rawPath);
  if (path === undefined || !isValidQuery(query)) {
    const malformed = path === undefined ? "path" : "query";
    io.stdout.write(`${request} is rejected with ${paint.bad("400")}: the ${malformed} is malformed\n`);
    return 1;
  }
  const route = matchRoute(compileRoutes(config), normalizePath(path));
  if (route === undefined) {
    const response = `the response is ${paint.bad("404")}`;
    io.stdout.write(`${request} matches no route: ${response}\n\n${drawRoutes(config, { paint })}\n`);
    return 1;
  }
  const target = { path: encodeNonAscii(path), query: encodeNonAscii(query) };
  const listener = describeListener(config);
  const shadows = explainShadows(route, config, { method, authority, ...target, args });
  const asked = { ...route, members: route.members.filter((member) => shadows.get(member)?.mayBeSent !== false) };
  const noteOf = (member: Member) => shadows.get(member)?.text;
  const urlOf = ({ service }: Member) => {
    const sent = service.shadow?.credentials === false
      ? withoutCredentials({ ...target, headers: [] }, new SecretNames())
      : target;
    return service.shown.url + targetFor(service, route, sent).slice(service.basePath.length);
  };
  io.stdout.write([
    `${request} matches ${paint.strong(routeLabel(route))}`,
    "",
    drawRoutes({ routes: [route], wait: config.wait }, { paint, urlOf, noteOf }),
    "",
    ...(listener === undefined ? [] : [`  ${listener}`]),
    ...explainWait(asked, config, method).map((sentence) => `  ${sentence}`),
    ...explainComparison(asked, config, { method, path: target.path }).map((sentence) => `  ${sentence}`),
    "",
  ].join("\n"));
  return 0;
}

function explainShadows(
  { members }: Route,
  { trustProxy }: Pick<Config, "trustProxy">,
  { method, authority, path, query, args: { flags } }: RequestLine & { readonly args: ParsedArgs },
): ReadonlyMap<Member, ShadowExplanation> {
  const isTrusted = addressMatcher(trustProxy);
  const request = {
    method,
    path,
    query,
    authority: getHeader(flags.header, "host") ?? authority,
    contentLength: flags.bodySize,
    headers: forwardedHeaders(flags, isTrusted),
  };
  const explanations = new Map<Member, ShadowExplanation>();
  for (const member of members) {
    const { service } = member;
    if (service.shadow !== undefined) {
      explanations.set(member, explainShadow({ service, policy: service.shadow }, request, isTrusted));
    }
  }
  return explanations;
}

/** Returns the header lines that the decision on a shadow request would see. */
function forwardedHeaders(
  { header, client }: Pick<FlagValues, "header" | "client">,
  isTrusted: AddressMatcher,
): readonly HeaderLine[] {
  return forwardingHeaders(stripHopByHop(header), {
    clientAddress: client,
    authority: "",
    scheme: "http",
    trusted: client !== undefined && isTrusted(client),
    forwarded: false,
    pseudonym: "",
    requestId: getHeader(header, "x-request-id") ?? "",
  });
}

interface RequestLine {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

function parseRequest(operands: readonly string[]): RequestLine {
  if (operands.length > 2) throw new UsageError(`\`explain\` takes one request: also found "${operands[2]}"`);
  const target = operands.at(-1);
  if (target === undefined) throw new UsageError("`explain` needs a request: [METHOD] URL_OR_PATH");
  const method = operands.length === 2 ? operands[0] ?? "GET" : "GET";
  if (!METHOD.test(method)) throw new UsageError(`The method must be a word such as GET or POST: found "${method}"`);
  const [, authority = "", rest = target] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  const [beforeFragment = ""] = rest.split("#", 1);
  if (rest === target && !target.startsWith("/")) {
    throw new UsageError(
      `The request must start with "/" for a path, or with "http://" or "https://" for a URL: found "${target}"`,
    );
  }
  const queryStart = beforeFragment.includes("?") ? beforeFragment.indexOf("?") : beforeFragment.length;
  const path = beforeFragment.slice(0, queryStart) || "/";
  return { method: method.toUpperCase(), authority, path, query: beforeFragment.slice(queryStart) };
}
