/** Advice on valid configurations: settings that are likely to surprise. */

import type { Config, Service } from "./config.ts";
import { isLoopback } from "./schema/address.ts";
import { quote } from "./schema/describe.ts";

/** Names and addresses of a listener on all addresses. */
const WILDCARDS: readonly string[] = ["0.0.0.0", "[::]", "::"];

/** Returns advice on settings that work as configured, one sentence each. `conductor check` shows it. */
export function adviseOn(config: Config): readonly string[] {
  return [...adviseOnWait(config), ...adviseOnShadows(config)];
}

function adviseOnWait({ wait, routes }: Config): string[] {
  if (wait !== "all") return [];
  const slow = routes.flatMap(({ kind, path, members }) => {
    // A hedge is sent only if it can be faster.
    const waited = members.filter(({ role, service }) => role !== "shadow" && service.hedge === undefined);
    const hasSecondary = waited.some(({ role }) => role === "secondary");
    return hasSecondary ? [{ name: `${kind} ${quote(path)}`, waited }] : [];
  });
  const [first] = slow;
  if (first === undefined) return [];
  const names = list(first.waited.map(({ service }) => service.name));
  const others = slow.length === 1
    ? ""
    : `, and so on ${slow.length - 1} more ${slow.length === 2 ? "route" : "routes"}`;
  return [
    `wait: clients of ${first.name} wait for the slowest of ${names}${others}; ` +
    "with `wait: primary` they get a successful response of the primary at once",
  ];
}

function adviseOnShadows({ services }: Config): string[] {
  const names = services.filter(({ shadow }) => shadow !== undefined && shadow.methods === undefined)
    .map(({ name }) => name);
  if (names.length === 0) return [];
  const subject = names.length === 1 ? `the shadow ${list(names)} gets` : `the shadows ${list(names)} get`;
  return [
    `services: ${subject} all methods, so POST, PUT and DELETE take effect there too; ` +
    "`safeShadows: true` or `methods` limits them",
  ];
}

/**
 * Returns a warning for each service whose URL leads back to a listener of conductor. The configuration must have the
 * address and the port in use: flags may override the file.
 */
export function warnOfLoops(config: Config): readonly string[] {
  const { hostname, port, admin, services } = config;
  return services.flatMap((service, index) => {
    const at = `services[${index}].url: ${quote(service.name)} is`;
    if (leadsTo(service, { hostname, port })) {
      return [`${at} conductor's own address, so its requests end with 508; use the address of the backend`];
    }
    if (admin !== undefined && leadsTo(service, admin)) {
      return [`${at} conductor's admin listener; use the address of the backend`];
    }
    return [];
  });
}

interface Listener {
  readonly hostname: string;
  readonly port: number;
}

function leadsTo({ origin }: Service, { hostname, port }: Listener): boolean {
  const url = new URL(origin);
  if (Number(url.port || (url.protocol === "https:" ? 443 : 80)) !== port) return false;
  const target = unbracketed(url.hostname);
  const own = unbracketed(hostname.toLowerCase());
  if (target === own) return true;
  const isLocal = isLoopback(target) || WILDCARDS.includes(target);
  if (!isLocal) return false;
  if (own === "0.0.0.0") return !target.includes(":");
  return own === "::" || (isLoopback(own) && (isName(own) || isName(target)));
}

/** Reports whether a loopback host is a name such as `localhost`. Two different addresses are different listeners. */
function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

function list(names: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names.map(quote));
}
