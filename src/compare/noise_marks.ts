/** Fields that a user has marked as noise. */

import { withoutTrait } from "./difference_traits.ts";

/** A marked field. The mark applies to values within the field as well. */
export interface NoiseMark {
  /** The route's pattern. */
  readonly route: string;
  /** The endpoint. Absent: all endpoints of the route. */
  readonly endpoint?: string;
  /** The service. Absent: all services of the route. */
  readonly service?: string;
  /** Path of the field, as in `Difference`. */
  readonly path: string;
  /** Time of the mark, in milliseconds since 1970. Absent in requests that add or remove a mark. */
  readonly timeMs?: number;
}

/** Maximum marks. Further fields belong in the configuration. */
export const MAX_MARKS = 1_000;

/** Marks of this process, in the order in which they were added. {@linkcode NoiseMarks.toYaml} makes them permanent. */
export class NoiseMarks {
  readonly #marks = new Map<string, NoiseMark>();
  readonly #now: () => number;

  /** Creates an empty list. `now` returns the time in milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Adds a mark. Returns `false` if the maximum is reached. */
  add(mark: NoiseMark): boolean {
    const key = markKey(mark);
    if (this.#marks.has(key)) return true;
    if (this.#marks.size >= MAX_MARKS) return false;
    this.#marks.set(key, { ...mark, timeMs: this.#now() });
    return true;
  }

  /** Removes a mark. Returns `false` if there is none with the same scope and path. */
  remove(mark: NoiseMark): boolean {
    return this.#marks.delete(markKey(mark));
  }

  /** Returns all marks. */
  list(): readonly NoiseMark[] {
    return [...this.#marks.values()];
  }

  /**
   * Returns the lines of YAML to add to the configuration; an empty text without marks. A mark of one endpoint becomes
   * a rule for that endpoint. A mark of a whole route becomes a rule for all routes.
   */
  toYaml(): string {
    const marks = this.list();
    const services = new Set(marks.flatMap(({ service }) => service ?? []));
    const general = marks.filter(({ service }) => service === undefined);
    const lines = general.length === 0 ? [] : ["compare:", ...ignoreLines(general, "  ")];
    if (services.size > 0) lines.push("services:");
    for (const name of services) {
      lines.push(`  - name: ${JSON.stringify(name)}`, "    compare:");
      lines.push(...ignoreLines(marks.filter(({ service }) => service === name), "      "));
    }
    return lines.map((line) => `${line}\n`).join("");
  }
}

/** Index of marks by route, endpoint and service. Matching each field against each mark would take quadratic time. */
export class MarkIndex {
  readonly #paths = new Map<string, Map<string, NoiseMark>>();

  /** Indexes the marks. */
  constructor(marks: readonly NoiseMark[]) {
    for (const mark of marks) {
      const key = scopeKey(mark.route, mark.endpoint, mark.service);
      const paths = this.#paths.get(key);
      if (paths === undefined) this.#paths.set(key, new Map([[mark.path, mark]]));
      else paths.set(mark.path, mark);
    }
  }

  /** Returns a function that returns the mark of a path, or of a value that contains it; `undefined` without one. */
  at(
    { route, endpoint, service }: Required<Omit<NoiseMark, "path" | "timeMs">>,
  ): (path: string) => NoiseMark | undefined {
    const maps = [
      scopeKey(route, undefined, undefined),
      scopeKey(route, endpoint, undefined),
      scopeKey(route, undefined, service),
      scopeKey(route, endpoint, service),
    ].flatMap((key) => this.#paths.get(key) ?? []);
    if (maps.length === 0) return () => undefined;
    return (counted) => {
      const path = withoutTrait(counted);
      return maps.map((marks) => markOf(marks, path)).find((mark) => mark !== undefined);
    };
  }
}

function markOf(marks: ReadonlyMap<string, NoiseMark>, path: string): NoiseMark | undefined {
  const mark = marks.get(path);
  if (mark !== undefined) return mark;
  for (let at = 1; at < path.length; at++) {
    const outer = path[at] === "." || path[at] === "[" ? marks.get(path.slice(0, at)) : undefined;
    if (outer !== undefined) return outer;
  }
  return undefined;
}

function markKey({ route, endpoint, service, path }: NoiseMark): string {
  return JSON.stringify([scopeKey(route, endpoint, service), path]);
}

function scopeKey(route: string, endpoint: string | undefined, service: string | undefined): string {
  return JSON.stringify([route, endpoint, service]);
}

function ignoreLines(marks: readonly NoiseMark[], indent: string): string[] {
  const rules = new Map(marks.map(({ path, route, endpoint }) => [
    JSON.stringify([endpoint, path]),
    endpoint === undefined
      ? `${JSON.stringify(path)} # ${oneLine(route)}`
      : `{ endpoint: ${JSON.stringify(endpoint)}, path: ${JSON.stringify(path)} }`,
  ]));
  return [`${indent}ignore:`, ...[...rules.values()].map((rule) => `${indent}  - ${rule}`)];
}

function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
