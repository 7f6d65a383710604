/** Services grouped by pattern: what shares one is a route, and each route needs a primary. */

import type { PatternKind, Role } from "./config.ts";
import { quote } from "./describe.ts";
import type { Place } from "./place.ts";

/** What decides on a service's routes. */
export interface Candidate {
  /** What the service was marked as. */
  readonly role: Role;
  /** Its patterns, normalised. */
  readonly patterns: Readonly<Partial<Record<PatternKind, readonly string[] | undefined>>>;
  /** Where it is in the input. */
  readonly at: Place;
}

/** A route, its services told by their index. */
export interface RouteGroup {
  /** How the path is compared. */
  readonly kind: PatternKind;
  /** The normalised path. */
  readonly path: string;
  /** The services in the order of the file, with their role after promotion. */
  readonly members: readonly { readonly index: number; readonly role: Role }[];
}

/** From the strongest to the weakest. */
const KINDS: readonly PatternKind[] = ["pathExact", "pathPrefix", "path"];

interface Group {
  readonly kind: PatternKind;
  readonly path: string;
  /** Indices; a service that names a pattern twice counts once. */
  readonly indices: Set<number>;
}

/**
 * Groups services into routes, in the order in which their patterns first appear. Where none of a route's services is
 * marked as primary, the first that is not a shadow becomes it. A route of shadows alone is reported as a problem.
 *
 * @param candidates The services in the order of the file.
 * @returns The routes.
 */
export function groupRoutes(candidates: readonly Candidate[]): RouteGroup[] {
  const groups = new Map<string, Group>();
  for (const [index, candidate] of candidates.entries()) {
    for (const [kind, path] of patternsOf(candidate)) {
      const key = `${kind} ${path}`;
      const group = groups.get(key) ?? { kind, path, indices: new Set() };
      groups.set(key, group);
      group.indices.add(index);
    }
  }
  return [...groups.values()].map((group) => assignRoles(group, candidates));
}

function patternsOf({ patterns }: Candidate): (readonly [PatternKind, string])[] {
  const found = KINDS.flatMap((kind) => (patterns[kind] ?? []).map((path) => [kind, path] as const));
  return found.length === 0 ? [["path", "/"]] : found;
}

function assignRoles({ kind, path, indices }: Group, candidates: readonly Candidate[]): RouteGroup {
  const members = [...indices].map((index) => ({ index, role: candidates[index]!.role }));
  if (members.some(({ role }) => role === "primary")) return { kind, path, members };
  const promoted = members.find(({ role }) => role !== "shadow");
  const first = candidates[members[0]!.index]!;
  const at = first.patterns[kind] === undefined ? first.at : first.at.child(kind);
  const name = nameRoute({ kind, path }, first.patterns[kind], at);
  if (promoted === undefined) {
    at.problem(`must lead to a service that is not a shadow too: found shadows alone for ${name}`);
  } else if (members.length > 1) {
    candidates[promoted.index]!.at.warn(
      `is taken as the primary of ${name}: no service of the route is marked as one`,
    );
  }
  return {
    kind,
    path,
    members: members.map((member) => member === promoted ? { ...member, role: "primary" } : member),
  };
}

/** The pattern may be one of several in a list, and any of them may come from a placeholder. */
function nameRoute({ kind, path }: Pick<Group, "kind" | "path">, items: readonly string[] = [], at: Place): string {
  const isSecret = at.isSecret || items.some((_, index) => at.child(index).isSecret);
  return isSecret ? `this ${kind}` : `${kind} ${quote(path)}`;
}
