/** What is compared with what, in words. */

import type { Config, Member, Route } from "../config/config.ts";
import { printable } from "../lib/printable.ts";
import { formatShare } from "./format_share.ts";

/**
 * Says what becomes of the answers to a request.
 *
 * @param route The route, with the services that may get the request.
 * @param config How it is found out what differs by itself.
 * @param method The request's method.
 * @returns Sentences; none where nothing is compared.
 */
export function describeComparing(route: Route, { compare }: Pick<Config, "compare">, method: string): string[] {
  const primary = route.members.find(({ role }) => role === "primary")?.service;
  const compared = comparedMembers(route);
  if (compare === undefined || primary === undefined || compared.length === 0) return [];
  const name = printable(primary.name);
  const [controls, others] = [compared.filter(isControl), compared.filter((member) => !isControl(member))];
  const sentences: string[] = [];
  if (others.length > 0) sentences.push(`Compares the answers of ${all(others.map(nameShare))} with those of ${name}.`);
  if (controls.length > 0) {
    sentences.push(`Compares ${name} with ${all(controls.map(nameShare))} as well, to learn what differs by itself.`);
  }
  const isAskedAgain = compare.replaySample > 0 && (method === "GET" || method === "HEAD");
  if (isAskedAgain) {
    sentences.push(`Sends ${formatShare(compare.replaySample)} to ${name} again, to learn what differs by itself.`);
  } else if (controls.length === 0) {
    const reason = compare.replaySample > 0 ? `${printable(method)} is not sent again` : "noise is off";
    sentences.push(`Takes all that differs for a mismatch, even what differs by itself: ${reason}.`);
  }
  return sentences;
}

/**
 * Sums up what is compared, and what has to be known about it.
 *
 * @param config The configuration.
 * @returns Notes; none where nothing is compared.
 */
export function summariseComparing({ routes, compare, admin }: Pick<Config, "routes" | "compare" | "admin">): string[] {
  const compared = routes.flatMap(comparedMembers);
  if (compare === undefined || compared.length === 0) return [];
  const names = [...new Set(compared.filter((member) => !isControl(member)).map(nameShare))];
  const notes = [`compared with the primary: ${names.length === 0 ? "only controls of it" : all(names)}`];
  if (compare.replaySample > 0) {
    notes.push(
      `sent to the primary once more: ${formatShare(compare.replaySample)} of those compared, GET and HEAD only`,
    );
  } else if (!compared.some(isControl)) {
    notes.push("what differs by itself is not found out, and counts: noise is off, and no service is a control");
  }
  if (admin === undefined) {
    notes.push("nobody can ask for the report, as there is no admin listener: only the log tells");
  }
  return notes;
}

function comparedMembers({ members }: Route): readonly Member[] {
  if (!members.some(({ role }) => role === "primary")) return [];
  return members.filter(({ role, service }) => role !== "primary" && service.compare !== undefined);
}

function isControl({ service }: Member): boolean {
  return service.control;
}

function nameShare({ service }: Member): string {
  const share = service.compare?.sample ?? 1;
  return share === 1 ? printable(service.name) : `${printable(service.name)} (${formatShare(share)})`;
}

function all(words: readonly string[]): string {
  return new Intl.ListFormat("en", { type: "conjunction" }).format(words);
}
