/** Services grouped by pattern: what shares one is a route, and each route needs a primary. */

import type { PatternKind, Role } from "./config.ts";
import { quote } from "./schema/describe.ts";
import type { InputPath } from "./read/input_path.ts";

/** What decides on a service's routes. */
export interface Candidate {
  /** What the service was marked as. */
  readonly role: Role;
  /** Whether its copy is held back. */
  readonly isHeldBack: boolean;
  /** Its patterns, normalised. */
  readonly patterns: Readonly<Partial<Record<PatternKind, readonly string[] | undefined>>>;
  /** Where it is in the input. */
  readonly at: InputPath;
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

interface Pattern {
  readonly kind: PatternKind;
  readonly path: string;
  /** Where it was first found. */
  readonly at: InputPath;
}

interface Group {
  readonly pattern: Pattern;
  /** Indices of services; one that names a pattern twice counts once. */
  readonly indices: Set<number>;
}

/**
 * Groups services into routes, in the order in which their patterns first appear. Where none of a route's services is
 * marked as primary, the first that is not a shadow becomes it. A route of shadows alone is reported as a problem, and so is
 * one whose first service waits for others.
 *
 * @param candidates The services in the order of the file.
 * @returns The routes.
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
  if (first?.isHeldBack) {
    const route = nameRoute(pattern);
    first.at.child("hedge").problem(
      `must not be there for the first service of ${route}: it waits for those before it`,
    );
  }
  if (members.some(({ role }) => role === "primary")) return { kind, path, members };
  const promoted = members.find(({ role }) => role !== "shadow");
  if (promoted === undefined) {
    const route = nameRoute(pattern);
    pattern.at.problem(`must lead to a service that is not a shadow too: found shadows alone for ${route}`);
  } else if (members.length > 1) {
    const { at } = candidates[promoted.index]!;
    at.warn(`is taken as the primary of ${nameRoute(pattern)}: no service of the route is marked as one`);
  }
  return {
    kind,
    path,
    members: members.map((member) => member === promoted ? { ...member, role: "primary" } : member),
  };
}

function nameRoute({ kind, path }: Pattern): string {
  return `${kind} ${quote(path)}`;
}
