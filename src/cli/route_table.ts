/** Drawing of routes for a terminal. */

import type { BreakerSettings, Config, Member, Role, Route, Service } from "../config/config.ts";
import { formatDuration } from "../lib/text_format.ts";
import type { Brush, Paint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { formatHedgeDelay } from "./explain_format.ts";

/** Options of {@linkcode drawRoutes}. */
export interface DrawRoutesOptions {
  /** Colors of the output. */
  readonly paint: Paint;
  /**
   * Returns the URL to show for a service.
   *
   * @default The configured URL.
   */
  readonly urlOf?: (member: Member, route: Route) => string;
  /**
   * Returns the note about a service.
   *
   * @default A note about the role of the service.
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

/** Draws routes, one line per service: the pattern, an arrow (dotted to a shadow), the service and a note. */
export function drawRoutes(config: Pick<Config, "routes" | "wait">, options: DrawRoutesOptions): string {
  const { paint, urlOf = ({ service }) => service.shown.url, noteOf } = options;
  const rows = config.routes.flatMap((route) => {
    const members = byRole(route.members);
    return members.map((member, index): Row => ({
      label: index === 0 ? routeLabel(route) : "",
      fork: forkAt(index, members.length) + (member.role === "shadow" ? "┄▷" : "─▶"),
      member,
      url: printable(urlOf(member, route)),
      note: [noteOf?.(member) ?? noteFor(member, config.wait), ...connectionNotes(member.service)].join("; "),
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

/** Returns the pattern of a route as logs and events show it, for example `pathPrefix /api`. */
export function routeLabel(route: Pick<Route, "kind" | "path">): string {
  return `${route.kind} ${printable(route.path)}`;
}

/** Returns the color of each role. */
export function roleBrushes(paint: Paint): Record<Role, Brush> {
  return { primary: paint.good, secondary: paint.secondary, shadow: paint.shadow };
}

/** Sorts services: primaries, secondaries, shadows. Services of one role stay in the order of the file. */
function byRole(members: readonly Member[]): Member[] {
  return members.toSorted((a, b) => ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role));
}

function forkAt(index: number, count: number): string {
  if (count === 1) return "──";
  if (index === 0) return "─┬";
  return index === count - 1 ? " └" : " ├";
}

/** Returns the settings of the connection that differ from the defaults, the breaker and the health check. */
function connectionNotes({ http2, tls, breaker, shown }: Service): string[] {
  return [
    ...(http2 ? ["over HTTP/2"] : []),
    ...(shown.serverName === undefined ? [] : [`server name ${printable(shown.serverName)}`]),
    ...(tls?.insecure ? ["certificate not verified"] : []),
    ...(breaker === undefined ? [] : [breakerNote(breaker)]),
    ...(shown.healthPath === undefined ? [] : [`health check at ${printable(shown.healthPath)}`]),
  ];
}

function breakerNote({ failures, window, openForMs }: BreakerSettings): string {
  const among = window === failures ? "failures in a row" : `failures in ${window} attempts`;
  return `breaker opens for ${formatDuration(openForMs)} after ${failures} ${among}`;
}

function noteFor({ role, service }: Member, wait: Config["wait"]): string {
  if (role === "shadow") return "mirrored, never waited for";
  const timeout = `waited for up to ${formatDuration(service.timeoutMs)}`;
  if (service.hedge !== undefined) {
    const selection = role === "primary" ? "response used if first" : "fallback";
    return `hedge after ${formatHedgeDelay(service.hedge)}, then ${timeout}, ${selection}`;
  }
  if (role === "primary") return `${timeout}, response used`;
  return wait === "all" ? `${timeout}, fallback` : "fallback, waited for only if the primary fails";
}
