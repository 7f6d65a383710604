import { assertEquals, assertGreater } from "@std/assert";
import { readConfig } from "../src/config/read.ts";
import { validateConfig } from "../src/config/validate.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));
const CONFIGS = [...README.matchAll(/```yaml\n([\s\S]*?)```/g)]
  .map(([, text = ""]) => text)
  .filter((text) => text.includes("services:"));

Deno.test("README.md: every configuration can be copied as it stands, and gives no warning", async () => {
  assertGreater(CONFIGS.length, 4);
  for (const text of CONFIGS) {
    const { value, source } = await readConfig(text, { readFile: () => Promise.resolve("x"), readEnv: () => "x" });
    assertEquals(validateConfig(value, source).warnings, [], text);
  }
});

Deno.test("README.md: every file and decision that it links to is there", async () => {
  const links = [...README.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path = ""]) => path);
  assertGreater(links.length, 2);
  for (const path of links) await Deno.stat(new URL(`../${path}`, import.meta.url));
});
