/** Shadow policies: checks across the fields of a shadow, and the resolved policy. */

import type { ShadowPolicy } from "./config.ts";
import { type CONFIG, type SERVICE, SHADOW_FIELDS } from "./fields.ts";
import type { InputPath } from "./read/input_path.ts";
import { isLoopback } from "./schema/address.ts";
import { SAFE_METHODS } from "./schema/http.ts";
import { checkedKeys, type Output, type Partly, pick } from "./schema/section.ts";

type CheckedService = Output<typeof SERVICE>;

/** Fields that describe the bytes of a body (RFC 9110 §8, RFC 9530). They would be wrong without a body. */
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

/** Keys of a checked service that only its shadow policy needs. */
export const SHADOW_KEYS = checkedKeys(SHADOW_FIELDS);

/** Reports problems across the fields of shadows. */
export function checkShadows(services: readonly (Partly<CheckedService> | undefined)[], list: InputPath): void {
  for (const [index, service] of services.entries()) {
    if (service?.shadow) checkShadow(service, list.child(index));
  }
}

function checkShadow(service: Partly<CheckedService>, at: InputPath): void {
  const { sample, ramp, body, upgrade, maxBodyBytes = Infinity } = service;
  const { from = 0, to } = ramp ?? {};
  if (to !== undefined && sample?.rate !== undefined) {
    at.child("ramp").child("to").problem("cannot be combined with a ratio in `sample`: the ramp ends at that ratio");
  } else if (ramp !== undefined && (to ?? sample?.rate ?? 1) < from) {
    at.child("ramp").child("from").problem("must be at most the ratio at the end of the ramp");
  }
  if (body === false && maxBodyBytes !== Infinity) {
    at.child("maxBodySize").problem("cannot be combined with `body: false`: no body is mirrored");
  }
  if (body === false && upgrade !== undefined) {
    at.child("upgrade").problem("cannot be combined with `body: false`: the bytes of the client would not be mirrored");
  }
  if (exposesCredentials(service)) {
    at.child("url").warn(
      "shadow requests send client credentials unencrypted to another machine: use https, or `credentials: false`",
    );
  }
}

function exposesCredentials({ url, credentials, removeHeaders = [] }: Partly<CheckedService>): boolean {
  const origin = url?.origin;
  if (origin === undefined || !origin.startsWith("http:") || isLoopback(new URL(origin).hostname)) return false;
  const removesBoth = removeHeaders.includes("authorization") && removeHeaders.includes("cookie");
  return credentials !== false && !removesBoth;
}

/** Returns the names of header fields, in lower case, that would be wrong because the service gets no bodies. */
export function strippedHeaders({ shadow, body }: CheckedService): readonly string[] {
  return shadow && !body ? BODY_FIELDS : [];
}

/** Returns the policy of a shadow; `undefined` for other services. */
export function shadowPolicy(service: CheckedService, top: Output<typeof CONFIG>): ShadowPolicy | undefined {
  if (!service.shadow) return undefined;
  const { sample, ramp, methods, ...limits } = pick(service, SHADOW_KEYS);
  const sampleRate = ramp?.to ?? sample?.rate ?? 1;
  return {
    ...limits,
    sampleRate,
    sampleKey: sample !== undefined && "by" in sample ? sample.by : undefined,
    ramp: ramp && { ...ramp, to: sampleRate },
    methods: methods ?? (top.safeShadows ? SAFE_METHODS : undefined),
  };
}
