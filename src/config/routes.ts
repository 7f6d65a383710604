/** Routes: services grouped by pattern, each with a primary. */

import type { PatternKind, Role } from "./config.ts";
import type { InputPath } from "./read/input_path.ts";
import { quote } from "./schema/describe.ts";

/** The fields of a service that decide on its routes. */
export interface Candidate {
  /** Role as configured. */
  readonly role: Role;
  /** True if requests to the service wait for earlier services. */
  readonly isHedged: boolean;
  /** Normalised patterns. */
  readonly patterns: Readonly<Partial<Record<PatternKind, readonly string[] | undefined>>>;
  readonly at: InputPath;
}

/** A route, with the indices of its services. */
export interface RouteGroup {
  readonly kind: PatternKind;
  readonly path: string;
  /** The services in the order of the file, with their roles after promotion. */
  readonly members: readonly { readonly index: number; readonly role: Role }[];
}

/** From the strongest to the weakest. */
const KINDS: readonly PatternKind[] = ["pathExact", "pathPrefix", "path"];

interface Pattern {
  readonly kind: PatternKind;
  readonly path: string;
  /** Path of its first occurrence. */
  readonly at: InputPath;
}

interface Group {
  readonly pattern: Pattern;
  /** Indices of services. A set, because a service may repeat a pattern. */
  readonly indices: Set<number>;
}

/**
 * Groups services into routes, in the order in which their patterns first appear. If no service of a route is
 * configured as primary, the first one that is not a shadow becomes the primary. Reports routes of shadows only, and
 * routes whose first service is hedged.
 */
export function groupRoutes(candidates: readonly Candidate[]): RouteGroup[] {
  const groups = new Map<string, Group>();
  for (const [index, candidate] of candidates.entries()) {
    for (const pattern of patternsOf(candidate)) {
      const key = `${pattern.kind} ${pattern.path}`;
      const group = groups.get(key) ?? { pattern, indices: new Set() };
      groups.set(key, group);
      group.indices.add(index);
    }
  }
  return [...groups.values()].map((group) => assignRoles(group, candidates));
}

function patternsOf({ patterns, at }: Candidate): Pattern[] {
  const found = KINDS.flatMap((kind) => (patterns[kind] ?? []).map((path) => ({ kind, path, at: at.child(kind) })));
  return found.length === 0 ? [{ kind: "path", path: "/", at }] : found;
}

function assignRoles({ pattern, indices }: Group, candidates: readonly Candidate[]): RouteGroup {
  const { kind, path } = pattern;
  const members = [...indices].map((index) => ({ index, role: candidates[index]!.role }));
  const first = candidates[members.find(({ role }) => role !== "shadow")?.index ?? -1];
  if (first?.isHedged) {
    first.at.child("hedge").problem(
      `cannot be set for the first service of ${routeName(pattern)}: there is no earlier service to wait for`,
    );
  }
  if (members.some(({ role }) => role === "primary")) return { kind, path, members };
  const promoted = members.find(({ role }) => role !== "shadow");
  if (promoted === undefined) {
    pattern.at.problem(`must have a service that is not a shadow: found only shadows for ${routeName(pattern)}`);
  } else if (members.length > 1) {
    const { at } = candidates[promoted.index]!;
    at.warn(`becomes the primary of ${routeName(pattern)}: no service of the route has \`primary: true\``);
  }
  return {
    kind,
    path,
    members: members.map((member) => member === promoted ? { ...member, role: "primary" } : member),
  };
}

function routeName({ kind, path }: Pattern): string {
  return `${kind} ${quote(path)}`;
}
