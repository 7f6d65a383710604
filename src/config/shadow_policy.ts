/** What only a shadow has: which requests it gets a copy of, and how much of them. */

import type { ShadowPolicy } from "./config.ts";
import {
  type CONFIG_FIELDS,
  COPY_FIELDS,
  type RAMP_FIELDS,
  type SAMPLE_FIELDS,
  type SERVICE_FIELDS,
} from "./fields.ts";
import { isLoopback } from "./loopback.ts";
import type { InputPath } from "./read/input_path.ts";
import { SAFE_METHODS } from "./safe_methods.ts";
import type { Output, PartialOutput } from "./schema/section.ts";

type CheckedService = Output<typeof SERVICE_FIELDS>;
type PartlyCheckedService = PartialOutput<typeof SERVICE_FIELDS>;
type CheckedSample = Partial<Output<typeof SAMPLE_FIELDS>>;
type CheckedRamp = Output<typeof RAMP_FIELDS>;

const DEFAULT_MAX_IN_FLIGHT = 64;

/** What says something about the bytes of a body (RFC 9110 §8, RFC 9530): without one it would be wrong. */
const BODY_FIELDS = [
  "content-type",
  "content-encoding",
  "content-language",
  "content-location",
  "content-digest",
  "content-md5",
  "content-range",
  "digest",
  "repr-digest",
];

/**
 * Checks what is said about copies, across fields.
 *
 * @param services The services, as far as they were found right.
 * @param list Their place.
 */
export function checkShadows(services: readonly (PartlyCheckedService | undefined)[], list: InputPath): void {
  for (const [index, service] of services.entries()) {
    if (service === undefined) continue;
    const at = list.child(index);
    if (service.shadow === false) checkNotShadow(service, at);
    if (service.shadow) checkShadow(service, at);
  }
}

function checkNotShadow(service: PartlyCheckedService, at: InputPath): void {
  for (const key of Object.keys(COPY_FIELDS) as (keyof typeof COPY_FIELDS)[]) {
    if (service[key] === undefined) continue;
    at.child(key).problem("must not be there for a service that is not a shadow: it is about copies");
  }
}

function checkShadow(service: PartlyCheckedService, at: InputPath): void {
  const sample: CheckedSample | undefined = service.sample;
  const { from = 0, to } = service.ramp ?? {};
  const end = to ?? sample?.rate ?? 1;
  if (to !== undefined && sample?.rate !== undefined) {
    at.child("ramp").child("to").problem("must not be there beside a share in sample: the ramp ends at that");
  } else if (service.ramp !== undefined && end < from) {
    at.child("ramp").child("from").problem("must not be more than the share that the ramp ends at");
  }
  if (service.body === false && service.maxBodySize !== undefined) {
    at.child("maxBodySize").problem("must not be there beside body: false: no body is copied");
  }
  if (givesCredentialsAway(service)) {
    at.child("url").warn(
      "clients' credentials leave this machine in the clear with every copy: use https, or credentials: false",
    );
  }
}

function givesCredentialsAway({ url, credentials, removeHeaders = [] }: PartlyCheckedService): boolean {
  if (url === undefined || !url.origin.startsWith("http:") || isLoopback(new URL(url.origin).hostname)) return false;
  const isCareful = removeHeaders.includes("authorization") && removeHeaders.includes("cookie");
  return credentials !== false && !isCareful;
}

/**
 * Returns the names of request fields that would be wrong without a body.
 *
 * @param service The service.
 * @returns Names in lower case; none if the service receives bodies.
 */
export function strippedHeaders({ body }: CheckedService): readonly string[] {
  return body === false ? BODY_FIELDS : [];
}

/**
 * Fills in what is not said about copies.
 *
 * @param service The service.
 * @param top The top level.
 * @returns What is copied; `undefined` for a service that is not a shadow.
 */
export function toShadowPolicy(
  service: CheckedService,
  top: Output<typeof CONFIG_FIELDS>,
): ShadowPolicy | undefined {
  if (!service.shadow) return undefined;
  const sample: CheckedSample = service.sample ?? {};
  const ramp = service.ramp as CheckedRamp | undefined;
  const sampleRate = ramp?.to ?? sample.rate ?? 1;
  return {
    sampleRate,
    sampleKey: sample.by,
    ramp: ramp === undefined ? undefined : { from: ramp.from, to: sampleRate, overMs: ramp.over },
    methods: service.methods ?? (top.safeShadows ? SAFE_METHODS : undefined),
    maxInFlight: service.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
    maxPerSecond: service.maxRate ?? Infinity,
    maxBodyBytes: service.maxBodySize ?? Infinity,
    body: service.body ?? true,
    credentials: service.credentials ?? true,
  };
}
