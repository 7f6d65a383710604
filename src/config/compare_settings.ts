/** Comparison settings: checks across fields, and a service's settings merged with those of the top level. */

import type { ComparePlan, CompareSettings } from "./config.ts";
import { COMPARE, COMPARE_RULE_FIELDS, type CONFIG, type SERVICE } from "./fields.ts";
import { InputPath } from "./read/input_path.ts";
import type { RouteGroup } from "./routes.ts";
import type { Field, Output, Partly } from "./schema/section.ts";

type CheckedConfig = Output<typeof CONFIG>;
type CheckedService = Output<typeof SERVICE>;

const RULES = Object.entries(COMPARE_RULE_FIELDS).map(([name, field]: [string, Field<unknown>]) => ({
  key: (field.as ?? name) as keyof CompareSettings,
  isCumulative: field.isCumulative ?? false,
}));

/** Reports problems across the comparison fields of services. `isOn`: the top level turns comparison on. */
export function checkCompare(
  services: readonly (Partly<CheckedService> | undefined)[],
  list: InputPath,
  isOn: boolean,
): void {
  for (const [index, service] of services.entries()) {
    if (service === undefined) continue;
    const at = list.child(index);
    if (service.primary && service.control) {
      at.child("control").problem("cannot be combined with `primary`: a control is compared with the primary");
    } else if (service.control && service.compare === false) {
      at.child("control").problem("cannot be combined with `compare: false`: a control must be compared");
    } else if (service.control && !isOn && service.compare === undefined) {
      at.child("control").warn("has no effect: no service is compared");
    }
    if (service.primary && service.compare !== undefined) {
      at.child("compare").problem("cannot be combined with `primary`: other services are compared with the primary");
    }
  }
}

/** Reports controls that became the primary of a route because there was no other candidate. */
export function checkControls(
  routes: readonly RouteGroup[],
  services: readonly (Partly<CheckedService> | undefined)[],
  list: InputPath,
): void {
  const primaries = new Set(routes.flatMap(({ members }) => members.filter(isPrimary).map(({ index }) => index)));
  for (const index of primaries) {
    const service = services[index];
    if (!service?.control || service.primary) continue;
    list.child(index).child("control").problem("must be false: no other service of the route can be the primary");
  }
}

function isPrimary({ role }: RouteGroup["members"][number]): boolean {
  return role === "primary";
}

/** Returns the comparison settings of a service; `undefined` if it is not compared. */
export function compareSettings({ primary, compare }: CheckedService, top: CheckedConfig): CompareSettings | undefined {
  const isOff = primary || compare === false || (compare === undefined && top.compare === undefined);
  if (isOff) return undefined;
  const base = topSettings(top);
  const merged = RULES.map(({ key, isCumulative }) => {
    const own: unknown = compare?.[key];
    return [key, isCumulative ? [own ?? [], base[key]].flat() : own ?? base[key]];
  });
  return Object.fromEntries(merged) as CompareSettings;
}

/** Returns the settings that all comparisons share; `undefined` if no service is compared. */
export function comparePlan(
  services: readonly { readonly compare: CompareSettings | undefined }[],
  top: CheckedConfig,
): ComparePlan | undefined {
  if (services.every(({ compare }) => compare === undefined)) return undefined;
  const { noise, noiseSample, replayable, maxMemoryBytes } = topSettings(top);
  return { replaySample: noise === "replay" ? noiseSample : 0, replayable, maxMemoryBytes };
}

/** Returns the settings of the top level, or all defaults if only services turn comparison on. */
function topSettings({ compare }: CheckedConfig): Output<typeof COMPARE> {
  return compare ?? COMPARE.parse({}, new InputPath({ source: undefined, problems: [], warnings: [] }))!;
}
