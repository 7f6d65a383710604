import { assertEquals, assertGreater } from "@std/assert";
import { readConfig } from "../src/config/read/read.ts";
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

const ROOT = new URL("../", import.meta.url);

async function markdownFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) files.push(...await markdownFiles(`${folder}${name}/`));
    else if (name.endsWith(".md")) files.push(folder + name);
  }
  return files;
}

Deno.test("every file that a page of the documentation links to is there", async () => {
  const pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...await markdownFiles("docs/")];
  const missing: string[] = [];
  let count = 0;
  for (const page of pages) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const [, path = ""] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g)) {
      count++;
      await Deno.stat(new URL(path, new URL(page, ROOT))).catch(() => missing.push(`${page}: ${path}`));
    }
  }
  assertGreater(count, 20);
  assertEquals(missing, []);
});

Deno.test("docs/explanation/security.md names tests that exist, and every hostile test", async () => {
  const text = await Deno.readTextFile(new URL("docs/explanation/security.md", ROOT));
  const named = new Set([...text.matchAll(/`([\w/]+_test\.ts)`/g)].map(([, path = ""]) => path));
  for (const path of named) await Deno.stat(new URL(`tests/${path}`, ROOT));
  for await (const { name } of Deno.readDir(new URL("tests/hostile/", ROOT))) {
    assertEquals(named.has(`hostile/${name}`), true, name);
  }
});
