/** The link from a loaded configuration to the file that it was read from. */

import type { ConfigSource } from "./input_path.ts";

/** Facts about the file, and the values that they belong to. */
interface Origin {
  readonly value: object;
  readonly source: ConfigSource;
}

/** Enumerable, so that `{ ...config, port: 0 }` keeps it. Checks of unknown keys ignore symbols. */
const ORIGIN: unique symbol = Symbol("conductor.origin");

/**
 * Returns a frozen copy of a value that carries facts about its file, for {@linkcode sourceOf}. Frozen, because the
 * facts belong to paths, and an inserted service would shift them.
 */
export function withSource<T extends object>(value: T, source: ConfigSource): T {
  const copy: T & { [ORIGIN]?: Origin } = { ...value };
  copy[ORIGIN] = { value: copy, source };
  for (const item of Object.values(copy)) freeze(item);
  return Object.freeze(copy);
}

/**
 * Returns facts about the values of an input that still are those of a loaded configuration; `undefined` if the input
 * has none. Values that replace loaded ones have no line, and their placeholders are not resolved.
 */
export function sourceOf(input: object): ConfigSource | undefined {
  const { value, source } = (input as { readonly [ORIGIN]?: Origin })[ORIGIN] ?? {};
  if (value === undefined || source === undefined) return undefined;
  if (value === input) return source;
  const { lineOf, templateOf, secrets = [] } = source;
  const loadedPath = pathInFile(input as Record<string, unknown>, value as Record<string, unknown>);

  function atLoadedPath<T>(read: ((path: string) => T | undefined) | undefined) {
    if (read === undefined) return undefined;
    return (path: string) => {
      const loaded = loadedPath(path);
      return loaded === undefined ? undefined : read(loaded);
    };
  }

  return {
    lineOf: atLoadedPath(lineOf),
    templateOf: atLoadedPath(templateOf),
    secrets,
    isLoaded: (path) => loadedPath(path) !== undefined,
  };
}

/** Returns the function from a path in an input to the path of the same value in the file. */
function pathInFile(input: Record<string, unknown>, value: Record<string, unknown>) {
  const loadedServices = Array.isArray(value.services) ? value.services : [];
  return (path: string): string | undefined => {
    const [top = ""] = /^[^.[]*/.exec(path) ?? [];
    if (top === "") return path;
    if (input[top] === value[top]) return path;
    const [start, index] = /^services\[(\d+)\]/.exec(path) ?? [];
    if (start === undefined || !Array.isArray(input.services)) return undefined;
    const service: unknown = input.services[Number(index)];
    const found = typeof service === "object" && service !== null ? loadedServices.indexOf(service) : -1;
    return found === -1 ? undefined : `services[${found}]${path.slice(start.length)}`;
  };
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
}
