import { assert } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";

const SAMPLE = await Deno.readTextFile("examples/config.yaml");
const SECRET = "s3cret-of-a-placeholder";

const SNIPPET = fc.oneof(
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom(
    ..."&a |*a|<<: *a|- |? |: |[|]|{|}|'|\"|#|\n|\n  |\t|---\n|!!str |!x |>\n|${file:x}|${env:X}|$${|${|__proto__: |\0|%"
      .split("|"),
    "|\n",
    "|",
  ),
);

/** The sample with pieces inserted or overwritten. */
const BROKEN_FILE = fc.array(fc.tuple(fc.nat(SAMPLE.length), fc.nat(6), SNIPPET), { minLength: 1, maxLength: 6 })
  .map((edits) =>
    edits.reduce((text, [at, over, snippet]) => text.slice(0, at) + snippet + text.slice(at + over), SAMPLE)
  );

/** Any values for known keys. */
const BROKEN_OBJECT = fc.record({
  port: fc.anything(),
  timeout: fc.anything(),
  failOn: fc.anything(),
  logging: fc.anything(),
  trustProxy: fc.anything(),
  services: fc.oneof(
    fc.anything(),
    fc.array(fc.record({
      name: fc.oneof(fc.anything(), fc.constant("a")),
      url: fc.oneof(fc.anything(), fc.webUrl({ withQueryParameters: true })),
      pathPrefix: fc.oneof(fc.anything(), fc.webPath()),
      headers: fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.anything())),
      host: fc.oneof(fc.anything(), fc.domain()),
      shadow: fc.boolean(),
      sample: fc.anything(),
      ramp: fc.anything(),
      methods: fc.anything(),
    }, { requiredKeys: [] })),
  ),
}, { requiredKeys: [] });

function assertClear(error: unknown): void {
  if (!(error instanceof ConfigError)) throw error;
  assert(error.problems.length > 0);
  assert(!error.message.includes(SECRET), error.message);
  assert(!/[^\n\P{Cc}]/u.test(error.message), error.message);
}

Deno.test("readConfig() and validateConfig() have a clear error for any corrupted file", async () => {
  await fc.assert(
    fc.asyncProperty(BROKEN_FILE, async (text) => {
      try {
        const { value, source } = await readConfig(text, {
          readFile: () => Promise.resolve(SECRET),
          readEnv: () => SECRET,
        });
        const { warnings } = validateConfig(value, source);
        assert(!warnings.join("\n").includes(SECRET));
      } catch (error) {
        assertClear(error);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("validateConfig() has a clear error for any object", () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), BROKEN_OBJECT), (input) => {
      try {
        validateConfig(input);
      } catch (error) {
        assertClear(error);
      }
    }),
    { numRuns: 500 },
  );
});
