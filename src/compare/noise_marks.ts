/** Fields that a person has called noise. */

/** A field that may differ, with all that is inside it. */
export interface NoiseMark {
  /** The route's pattern. */
  readonly route: string;
  /** The endpoint; absent: all of the route. */
  readonly endpoint?: string;
  /** The service; absent: all of the route. */
  readonly service?: string;
  /** Where, as in `Difference`. */
  readonly path: string;
}

/** Further marks are refused: they belong into the configuration. */
export const MAX_MARKS = 1_000;

/** Marks in the order in which they were made. They live as long as the process; {@linkcode NoiseMarks.asConfig} keeps them. */
export class NoiseMarks {
  readonly #marks = new Map<string, NoiseMark>();

  /**
   * Calls a field noise.
   *
   * @param mark The field.
   * @returns Whether there was room for it.
   */
  markNoise(mark: NoiseMark): boolean {
    const { route, endpoint, service, path } = mark;
    const key = JSON.stringify([placeKey(route, endpoint, service), path]);
    if (!this.#marks.has(key) && this.#marks.size >= MAX_MARKS) return false;
    this.#marks.set(key, mark);
    return true;
  }

  /**
   * Gives all marks.
   *
   * @returns The marks.
   */
  list(): readonly NoiseMark[] {
    return [...this.#marks.values()];
  }

  /**
   * Writes the marks as the lines to be added to a configuration, as YAML. There, a field is ignored on all routes.
   *
   * @returns The lines; empty where there are no marks.
   */
  asConfig(): string {
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

/** Marks by route, endpoint and service: a field is looked up instead of matched against each mark. */
export class MarkIndex {
  readonly #paths = new Map<string, Set<string>>();

  /** Indexes the marks. */
  constructor(marks: readonly NoiseMark[]) {
    for (const { route, endpoint, service, path } of marks) {
      const place = placeKey(route, endpoint, service);
      const paths = this.#paths.get(place);
      if (paths === undefined) this.#paths.set(place, new Set([path]));
      else paths.add(path);
    }
  }

  /** Returns a function that reports whether a path, or a value that contains it, is marked. */
  at({ route, endpoint, service }: Required<Omit<NoiseMark, "path">>): (path: string) => boolean {
    const sets = [
      placeKey(route, undefined, undefined),
      placeKey(route, endpoint, undefined),
      placeKey(route, undefined, service),
      placeKey(route, endpoint, service),
    ].flatMap((place) => this.#paths.get(place) ?? []);
    if (sets.length === 0) return () => false;
    return (path) => sets.some((paths) => holds(paths, path));
  }
}

function holds(paths: ReadonlySet<string>, path: string): boolean {
  if (paths.has(path)) return true;
  for (let at = 1; at < path.length; at++) {
    if ((path[at] === "." || path[at] === "[") && paths.has(path.slice(0, at))) return true;
  }
  return false;
}

function placeKey(route: string, endpoint: string | undefined, service: string | undefined): string {
  return JSON.stringify([route, endpoint, service]);
}

function ignoreLines(marks: readonly NoiseMark[], indent: string): string[] {
  const entries = new Map(marks.map(({ path, route, endpoint }) => [path, endpoint ?? route]));
  return [
    `${indent}ignore:`,
    ...[...entries].map(([path, where]) => `${indent}  - ${JSON.stringify(path)} # ${oneLine(where)}`),
  ];
}

function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
