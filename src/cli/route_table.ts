/** The routes as a person would draw them. */

import type { BreakerSettings, Config, Member, Role, Route, Service } from "../config/config.ts";
import { formatDuration } from "../lib/duration.ts";
import { formatHedgeDelay } from "./explain_hedge.ts";
import type { Brush, Paint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";

/** What a drawing shows, and how. */
export interface DrawRoutesOptions {
  /** The brushes of the output. */
  readonly paint: Paint;
  /**
   * The URL to show for a service.
   *
   * @default The configured one.
   */
  readonly urlOf?: (member: Member, route: Route) => string;
  /**
   * What is said of a service's part.
   *
   * @default What its role means.
   */
  readonly noteOf?: (member: Member) => string | undefined;
}

interface Row {
  readonly label: string;
  readonly fork: string;
  readonly member: Member;
  readonly url: string;
  readonly note: string;
}

const ROLE_ORDER: readonly Role[] = ["primary", "secondary", "shadow"];
const ROLE_WIDTH = "secondary".length;

/**
 * Draws routes: a pattern, arrows to its services (a dotted one to a shadow), and what each is for.
 *
 * @param config The routes, and what is waited for.
 * @param options What is shown, and how.
 * @returns The drawing, one line per service.
 */
export function drawRoutes(config: Pick<Config, "routes" | "wait">, options: DrawRoutesOptions): string {
  const { paint, urlOf = ({ service }) => service.shown.url, noteOf } = options;
  const rows = config.routes.flatMap((route) => {
    const members = byRole(route.members);
    return members.map((member, index): Row => ({
      label: index === 0 ? routeLabel(route) : "",
      fork: forkAt(index, members.length) + (member.role === "shadow" ? "┄▷" : "─▶"),
      member,
      url: printable(urlOf(member, route)),
      note: [noteOf?.(member) ?? noteFor(member, config.wait), ...wayTo(member.service)].join("; "),
    }));
  });
  const width = (text: (row: Row) => string) => Math.max(0, ...rows.map((row) => text(row).length));
  const labelWidth = width(({ label }) => label);
  const nameWidth = width(({ member }) => printable(member.service.name));
  const urlWidth = width(({ url }) => url);
  const brushes = roleBrushes(paint);
  return rows.map(({ label, fork, member, url, note }) => {
    const brush = brushes[member.role];
    const name = printable(member.service.name).padEnd(nameWidth);
    return `  ${label.padEnd(labelWidth)} ${paint.faint(fork.slice(0, 2))}${brush(fork.slice(2))} ${brush(name)}  ${
      member.role.padEnd(ROLE_WIDTH)
    }  ${paint.accent(url.padEnd(urlWidth))}  ${paint.faint(note)}`;
  }).join("\n");
}

/**
 * Writes a route's pattern as events and logs have it.
 *
 * @param route The route.
 * @returns For example `pathPrefix /api`.
 */
export function routeLabel(route: Pick<Route, "kind" | "path">): string {
  return `${route.kind} ${printable(route.path)}`;
}

/**
 * Tells which brush a role is painted with.
 *
 * @param paint The brushes of the output.
 * @returns One brush for each role.
 */
export function roleBrushes(paint: Paint): Record<Role, Brush> {
  return { primary: paint.good, secondary: paint.secondary, shadow: paint.shadow };
}

/**
 * Puts a route's services into the order in which people think of them.
 *
 * @param members The services in the order of the file.
 * @returns Primaries, then secondaries, then shadows.
 */
export function byRole(members: readonly Member[]): Member[] {
  return members.toSorted((a, b) => ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role));
}

function forkAt(index: number, count: number): string {
  if (count === 1) return "──";
  if (index === 0) return "─┬";
  return index === count - 1 ? " └" : " ├";
}

/** Settings of the connection to a service that differ from the defaults, and its breaker and health check. */
function wayTo({ http2, tls, breaker, shown }: Service): string[] {
  return [
    ...(http2 ? ["over HTTP/2"] : []),
    ...(shown.serverName === undefined ? [] : [`by the name ${printable(shown.serverName)}`]),
    ...(tls?.insecure ? ["not verified"] : []),
    ...(breaker === undefined ? [] : [breakerNote(breaker)]),
    ...(shown.healthPath === undefined ? [] : [`checked at ${printable(shown.healthPath)}`]),
  ];
}

function breakerNote({ failures, window, openForMs }: BreakerSettings): string {
  const among = window === failures ? "in a row" : `out of ${window}`;
  return `left alone for ${formatDuration(openForMs)} after ${failures} failures ${among}`;
}

function noteFor({ role, service }: Member, wait: Config["wait"]): string {
  if (role === "shadow") return "gets a copy, never waited for";
  const bound = `up to ${formatDuration(service.timeoutMs)}`;
  if (service.hedge !== undefined) {
    const part = role === "primary" ? "answers if it is first" : "stands in";
    return `held back for ${formatHedgeDelay(service.hedge)}, then waited for ${bound}, ${part}`;
  }
  if (role === "primary") return `waited for ${bound}, answers`;
  return wait === "all" ? `waited for ${bound}, stands in` : "waited for if the primary fails";
}
