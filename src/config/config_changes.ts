/** Differences between two configurations, by the names of fields and services. Values are left out: they may be secret. */

import type { Config, Service } from "./config.ts";
import { CONFIG, SERVICE } from "./fields.ts";
import { quote } from "./schema/describe.ts";
import type { Fields } from "./schema/section.ts";

/** Maximum entries of a list of changes. */
const MAX_CHANGES = 20;

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns the changes of a reload: services that were added, removed or changed, and fields of the top level. Bounded,
 * and empty if the configurations are equal.
 *
 * @example Usage
 * ```ts ignore
 * configChanges(before, after); // ['added service "v3"', 'service "v2": timeout, health.interval', "limits.maxInFlight"]
 * ```
 */
export function configChanges(before: Config, after: Config): string[] {
  const old = viewsOf(before);
  const now = viewsOf(after);
  const top = changedFields(topLevel(before), topLevel(after), CONFIG.fields);
  // Services take over fields of the top level, so those changes concern no single service.
  const inherited = new Set(top);
  const changes = [...now.keys()].filter((name) => !old.has(name)).map((name) => `added service ${quote(name)}`);
  for (const name of old.keys()) if (!now.has(name)) changes.push(`removed service ${quote(name)}`);
  for (const [name, view] of now) {
    const known = old.get(name);
    if (known === undefined) continue;
    const fields = changedFields(known, view, SERVICE.fields).filter((field) => !inherited.has(field));
    if (fields.length > 0) changes.push(`service ${quote(name)}: ${fields.join(", ")}`);
  }
  const kept = [...old.keys()].filter((name) => now.has(name));
  if (!isEqual(kept, [...now.keys()].filter((name) => old.has(name)))) changes.push("order of services");
  changes.push(...top);
  if (changes.length <= MAX_CHANGES) return changes;
  return [...changes.slice(0, MAX_CHANGES), `and ${changes.length - MAX_CHANGES} more`];
}

function topLevel({ secrets: _, services: __, routes: ___, shownHostname: ____, ...fields }: Config): Values {
  return fields;
}

/** Returns each service by its name, with the fields of the file instead of computed ones. */
function viewsOf({ services, routes }: Config): Map<string, Values> {
  const views = new Map<string, Values>();
  for (const { shown: _, origin, basePath, shadow, ...service } of services) {
    const members = routes.flatMap(({ kind, path, members }) =>
      members.filter((member) => member.service.name === service.name).map(({ role }) => ({ kind, path, role }))
    );
    views.set(
      service.name,
      {
        ...service,
        url: origin + basePath,
        role: members.map(({ role }) => role),
        ...patternsOf(members),
        shadow: shadow === undefined ? false : shadow,
      } satisfies Values & { readonly name: Service["name"] },
    );
  }
  return views;
}

function patternsOf(members: readonly { readonly kind: string; readonly path: string }[]): Values {
  const patterns: Record<string, string[]> = {};
  for (const { kind, path } of members) (patterns[kind] ??= []).push(path);
  return patterns;
}

/** Returns the names of fields that differ, as in the file; the fields of a section follow its name and a dot. */
function changedFields(before: Values, after: Values, fields: Fields): string[] {
  const names = new Map(Object.entries(fields).map(([name, { as = name }]) => [as, name]));
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isEqual(before[key], after[key])).flatMap((key) => {
    const name = names.get(key) ?? key;
    const [old, now] = [before[key], after[key]];
    if (!isMapping(old) || !isMapping(now)) return [name];
    return changedFields(old, now, sectionFields(fields[name])).map((part) => `${name}.${part}`);
  });
}

function sectionFields(field: Fields[string] | undefined): Fields {
  const { fields, inner } = (field?.type ?? {}) as { readonly fields?: Fields; readonly inner?: { fields?: Fields } };
  return fields ?? inner?.fields ?? {};
}

function isMapping(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, comparable) === JSON.stringify(b, comparable);
}

/** Replaces values that JSON does not have: infinite numbers and patterns. */
function comparable(_: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value instanceof RegExp ? String(value) : value;
}
