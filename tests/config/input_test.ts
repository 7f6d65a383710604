import { assert, assertEquals } from "@std/assert";
import {
  ADMIN_FIELDS,
  COMPARE_FIELDS,
  CONFIG_FIELDS,
  HEDGE_FIELDS,
  LOGGING_FIELDS,
  METRICS_FIELDS,
  NORMALISE_FIELDS,
  RAMP_FIELDS,
  SAMPLE_FIELDS,
  SERVICE_COMPARE_FIELDS,
  SERVICE_FIELDS,
  SERVICE_TLS_FIELDS,
  TLS_FIELDS,
  TOLERANCE_FIELDS,
} from "../../src/config/fields.ts";
import type {
  AdminInput,
  CompareInput,
  ConfigInput,
  HedgeInput,
  LoggingInput,
  MetricsInput,
  NormaliseInput,
  RampInput,
  SampleInput,
  ServiceCompareInput,
  ServiceInput,
  ServiceTlsInput,
  TlsInput,
  ToleranceInput,
} from "../../src/config/input.ts";
import type { Fields } from "../../src/config/schema/section.ts";

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** Does not compile where a field is in one place only. */
const HAVE_SAME_KEYS: [
  Same<keyof ConfigInput, keyof typeof CONFIG_FIELDS>,
  Same<keyof ServiceInput, keyof typeof SERVICE_FIELDS>,
  Same<keyof LoggingInput, keyof typeof LOGGING_FIELDS>,
  Same<keyof AdminInput, keyof typeof ADMIN_FIELDS>,
  Same<keyof MetricsInput, keyof typeof METRICS_FIELDS>,
  Same<keyof ServiceTlsInput, keyof typeof SERVICE_TLS_FIELDS>,
  Same<keyof TlsInput, keyof typeof TLS_FIELDS>,
  Same<keyof SampleInput, keyof typeof SAMPLE_FIELDS>,
  Same<keyof RampInput, keyof typeof RAMP_FIELDS>,
  Same<keyof CompareInput, keyof typeof COMPARE_FIELDS>,
  Same<keyof ServiceCompareInput, keyof typeof SERVICE_COMPARE_FIELDS>,
  Same<keyof NormaliseInput, keyof typeof NORMALISE_FIELDS>,
  Same<keyof ToleranceInput, keyof typeof TOLERANCE_FIELDS>,
  Same<keyof HedgeInput, keyof typeof HEDGE_FIELDS>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true];

/** The part of `deno doc --json` that is looked at. */
interface DocProperty {
  readonly name: string;
  readonly optional?: boolean;
  readonly jsDoc?: { readonly doc?: string; readonly tags?: readonly { readonly value?: string }[] };
}

const INTERFACES: Record<string, Fields> = {
  ConfigInput: CONFIG_FIELDS,
  ServiceInput: SERVICE_FIELDS,
  LoggingInput: LOGGING_FIELDS,
  AdminInput: ADMIN_FIELDS,
  MetricsInput: METRICS_FIELDS,
  ServiceTlsInput: SERVICE_TLS_FIELDS,
  TlsInput: TLS_FIELDS,
  SampleInput: SAMPLE_FIELDS,
  RampInput: RAMP_FIELDS,
  CompareInput: COMPARE_FIELDS,
  ServiceCompareInput: SERVICE_COMPARE_FIELDS,
  NormaliseInput: NORMALISE_FIELDS,
  ToleranceInput: TOLERANCE_FIELDS,
  HedgeInput: HEDGE_FIELDS,
};

async function documentedProperties(): Promise<Map<string, readonly DocProperty[]>> {
  const command = new Deno.Command(Deno.execPath(), { args: ["doc", "--json", "src/config/input.ts"] });
  const { nodes } = JSON.parse(new TextDecoder().decode((await command.output()).stdout));
  const [module] = Object.values(nodes) as { symbols: { name: string; declarations: { def?: unknown }[] }[] }[];
  return new Map(module!.symbols.map(({ name, declarations }) => {
    const def = declarations[0]?.def as { properties?: DocProperty[] } | undefined;
    return [name, def?.properties ?? []];
  }));
}

Deno.test("the input's interfaces have the fields of the configuration, and say the same of them", async () => {
  assert(HAVE_SAME_KEYS.every((isSame) => isSame));
  const documented = await documentedProperties();
  for (const [name, fields] of Object.entries(INTERFACES)) {
    const properties = documented.get(name) ?? [];
    assertEquals(properties.map((property) => property.name), Object.keys(fields));
    for (const { name: key, optional, jsDoc } of properties) {
      const field = fields[key]!;
      const doc = jsDoc?.doc?.replaceAll(/\s+/g, " ").trim() ?? "";
      assert(doc.startsWith(field.description), `${name}.${key}: ${doc}`);
      assertEquals(optional ?? false, field.required !== true, `${name}.${key}`);
      const tag = jsDoc?.tags?.map(({ value }) => value).find((value) => value?.startsWith("@default "));
      const expected = field.default === undefined ? undefined : `@default ${JSON.stringify(field.default)}`;
      assertEquals(tag, expected, `${name}.${key}`);
    }
  }
});
