/** How answers are compared: what a service says, over what the top level says. */

import type { ComparePlan, CompareSettings, NormaliseRule, ToleranceRule } from "./config.ts";
import {
  COMPARE_FIELDS,
  type CONFIG_FIELDS,
  type NORMALISE_FIELDS,
  type SERVICE_COMPARE_FIELDS,
  type SERVICE_FIELDS,
  type TOLERANCE_FIELDS,
} from "./fields.ts";
import { type Diagnostics, InputPath } from "./read/input_path.ts";
import type { RouteGroup } from "./routes.ts";
import { type Output, type PartialOutput, section } from "./schema/section.ts";

type CheckedCompare = Output<typeof COMPARE_FIELDS>;
type CheckedOverride = PartialOutput<typeof SERVICE_COMPARE_FIELDS>;
type CheckedConfig = Output<typeof CONFIG_FIELDS>;
type CheckedService = Output<typeof SERVICE_FIELDS>;
type PartlyCheckedService = PartialOutput<typeof SERVICE_FIELDS>;

const NOTHING_FOUND: Diagnostics = { source: undefined, problems: [], warnings: [] };

/**
 * Checks what is said about comparing, across fields.
 *
 * @param services The services, as far as they were found right.
 * @param list Their place.
 * @param isOn Whether the top level says that answers are compared.
 */
export function checkCompare(
  services: readonly (PartlyCheckedService | undefined)[],
  list: InputPath,
  isOn: boolean,
): void {
  for (const [index, service] of services.entries()) {
    if (service === undefined) continue;
    const at = list.child(index);
    if (service.primary && service.control) {
      at.child("control").problem("must not be true for a primary: a control is compared with it");
    } else if (service.control && service.compare === false) {
      at.child("control").problem("must not be true beside compare: false: a control is there to be compared");
    } else if (service.control && !isOn && service.compare === undefined) {
      at.child("control").warn("has no effect: nothing is compared");
    }
    if (service.primary && service.compare !== undefined) {
      at.child("compare").problem("must not be there for a primary: the others are compared with it");
    }
  }
}

/**
 * Checks that no control has become the primary of a route for want of another.
 *
 * @param routes The routes.
 * @param services The services, as far as they were found right.
 * @param list Their place.
 */
export function checkControls(
  routes: readonly RouteGroup[],
  services: readonly (PartlyCheckedService | undefined)[],
  list: InputPath,
): void {
  const primaries = new Set(routes.flatMap(({ members }) => members.filter(isPrimary).map(({ index }) => index)));
  for (const index of primaries) {
    const service = services[index];
    if (!service?.control || service.primary) continue;
    list.child(index).child("control").problem("must not be true where no other service can be the primary");
  }
}

function isPrimary({ role }: RouteGroup["members"][number]): boolean {
  return role === "primary";
}

/**
 * Brings together what the top level and a service say.
 *
 * @param service The service.
 * @param top The top level.
 * @returns How its answers are compared; `undefined`: not at all.
 */
export function toCompareSettings(service: CheckedService, top: CheckedConfig): CompareSettings | undefined {
  if (service.primary || service.compare === false) return undefined;
  if (service.compare === undefined && top.compare === undefined) return undefined;
  const own: CheckedOverride = service.compare ?? {};
  const base = topSettings(top);
  return {
    sample: own.sample ?? base.sample,
    maxBodyBytes: own.maxBody ?? base.maxBody,
    headers: own.headers ?? base.headers,
    ignore: [...own.ignore ?? [], ...base.ignore],
    normalise: [...own.normalise ?? [], ...base.normalise].map((rule) => toNormaliseRule(rule as CheckedNormalise)),
    unordered: own.arrays ?? base.arrays,
    tolerance: [...own.tolerance ?? [], ...base.tolerance].map((rule) => toToleranceRule(rule as CheckedTolerance)),
    redact: [...own.redact ?? [], ...base.redact],
    samples: own.samples ?? base.samples,
    endpoints: [...own.endpoints ?? [], ...base.endpoints],
  };
}

/**
 * Reads what is the same for all comparisons.
 *
 * @param services The services, resolved.
 * @param top The top level.
 * @returns It; `undefined` where no service is compared.
 */
export function toComparePlan(
  services: readonly { readonly compare: CompareSettings | undefined }[],
  top: CheckedConfig,
): ComparePlan | undefined {
  if (services.every(({ compare }) => compare === undefined)) return undefined;
  const { noise, noiseSample, maxMemory } = topSettings(top);
  return { replaySample: noise === "replay" ? noiseSample : 0, maxMemoryBytes: maxMemory };
}

type CheckedNormalise = Output<typeof NORMALISE_FIELDS>;
type CheckedTolerance = Output<typeof TOLERANCE_FIELDS>;

function toNormaliseRule({ pattern, replacement, path }: CheckedNormalise): NormaliseRule {
  return { pattern, replacement, path };
}

function toToleranceRule({ absolute, relative, path }: CheckedTolerance): ToleranceRule {
  return { absolute, relative, path };
}

/** All defaults, where only services say that they are compared. */
function topSettings({ compare }: CheckedConfig): CheckedCompare {
  return (compare ?? section(COMPARE_FIELDS).parse({}, new InputPath(NOTHING_FOUND))) as CheckedCompare;
}
