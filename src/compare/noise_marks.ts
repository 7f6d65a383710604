/** Fields that a user has marked as noise. */

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
}

/** Maximum marks. Further fields belong in the configuration. */
export const MAX_MARKS = 1_000;

/** Marks of this process, in the order in which they were added. {@linkcode NoiseMarks.toYaml} makes them permanent. */
export class NoiseMarks {
  readonly #marks = new Map<string, NoiseMark>();

  /** Adds a mark. Returns `false` if the maximum is reached. */
  add(mark: NoiseMark): boolean {
    const { route, endpoint, service, path } = mark;
    const key = JSON.stringify([scopeKey(route, endpoint, service), path]);
    if (!this.#marks.has(key) && this.#marks.size >= MAX_MARKS) return false;
    this.#marks.set(key, mark);
    return true;
  }

  /** Returns all marks. */
  list(): readonly NoiseMark[] {
    return [...this.#marks.values()];
  }

  /**
   * Returns the lines of YAML to add to the configuration; an empty text without marks. The configuration ignores a
   * field on all routes, while a mark applies to one.
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
  readonly #paths = new Map<string, Set<string>>();

  /** Indexes the marks. */
  constructor(marks: readonly NoiseMark[]) {
    for (const { route, endpoint, service, path } of marks) {
      const key = scopeKey(route, endpoint, service);
      const paths = this.#paths.get(key);
      if (paths === undefined) this.#paths.set(key, new Set([path]));
      else paths.add(path);
    }
  }

  /** Returns a function that reports whether a path, or a value that contains it, is marked. */
  at({ route, endpoint, service }: Required<Omit<NoiseMark, "path">>): (path: string) => boolean {
    const sets = [
      scopeKey(route, undefined, undefined),
      scopeKey(route, endpoint, undefined),
      scopeKey(route, undefined, service),
      scopeKey(route, endpoint, service),
    ].flatMap((key) => this.#paths.get(key) ?? []);
    if (sets.length === 0) return () => false;
    return (path) => sets.some((paths) => includesPrefix(paths, path));
  }
}

function includesPrefix(paths: ReadonlySet<string>, path: string): boolean {
  if (paths.has(path)) return true;
  for (let at = 1; at < path.length; at++) {
    if ((path[at] === "." || path[at] === "[") && paths.has(path.slice(0, at))) return true;
  }
  return false;
}

function scopeKey(route: string, endpoint: string | undefined, service: string | undefined): string {
  return JSON.stringify([route, endpoint, service]);
}

function ignoreLines(marks: readonly NoiseMark[], indent: string): string[] {
  const scopes = new Map(marks.map(({ path, route, endpoint }) => [path, endpoint ?? route]));
  return [
    `${indent}ignore:`,
    ...[...scopes].map(([path, scope]) => `${indent}  - ${JSON.stringify(path)} # ${oneLine(scope)}`),
  ];
}

function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
