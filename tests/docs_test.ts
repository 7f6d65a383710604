/** Documentation: links, generated parts, and configurations that readers copy. */

import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { dirname, join, normalize } from "node:path/posix";
import { parse } from "@std/yaml/parse";
import { readConfig } from "../src/config/read/read.ts";
import { validateConfig } from "../src/config/validate.ts";
import { MEASURED_PAGES } from "../tools/doc_part.ts";
import { generatePages } from "../tools/reference.ts";
import { codeBlocks, headingAnchors, relativeLinks } from "../tools/markdown.ts";

const ROOT = new URL("../", import.meta.url);
const INDEX = "docs/README.md";
const PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...await markdownFiles("docs/")];
const texts = new Map(await Promise.all(PAGES.map(async (page) => [page, await read(page)] as const)));

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

async function markdownFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) files.push(...await markdownFiles(`${folder}${name}/`));
    else if (name.endsWith(".md")) files.push(folder + name);
  }
  return files.sort();
}

/** Returns the paths that a page links to, from the root of the repository. */
function targetsOf(page: string): { path: string; anchor?: string }[] {
  return relativeLinks(texts.get(page)!).map(({ path, ...anchor }) => ({
    path: path === "" ? page : normalize(join(dirname(page), path)),
    ...anchor,
  }));
}

Deno.test("every relative link in the documentation leads to a file, and every anchor to a heading", async () => {
  const broken: string[] = [];
  let count = 0;
  for (const page of PAGES) {
    for (const { path, anchor } of targetsOf(page)) {
      count++;
      const exists = await Deno.stat(new URL(path, ROOT)).then(() => true, () => false);
      const hasAnchor = anchor === undefined || headingAnchors(texts.get(path) ?? "").has(anchor);
      if (!exists || !hasAnchor) broken.push(`${page}: ${path}${anchor === undefined ? "" : `#${anchor}`}`);
    }
  }
  assertGreater(count, 200);
  assertEquals(broken, []);
});

Deno.test("every source file that the documentation names exists", async () => {
  const missing: string[] = [];
  let count = 0;
  for (const [page, text] of texts) {
    // The changelog names the files of its time, and the security page names tests by their path below tests/.
    if (page === "CHANGELOG.md") continue;
    for (const [, path = ""] of text.matchAll(/`((?:src|tests|tools|examples)\/[\w./-]+\w)`/g)) {
      count++;
      const candidates = [path, `tests/${path}`].map((path) => Deno.stat(new URL(path, ROOT)));
      await Promise.any(candidates).catch(() => missing.push(`${page}: ${path}`));
    }
  }
  assertGreater(count, 50);
  assertEquals(missing, []);
});

Deno.test("every page below docs/ can be reached from the index, and the index from README.md", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    if (page !== "README.md" && !page.startsWith("docs/")) continue;
    for (const { path } of targetsOf(page)) if (texts.has(path)) reached.add(path);
  }
  assert(targetsOf("README.md").some(({ path }) => path === INDEX));
  const fromIndex = new Set(targetsOf(INDEX).map(({ path }) => path));
  for (const { path } of targetsOf("docs/decisions/README.md")) fromIndex.add(path);
  assertEquals(PAGES.filter((page) => page.startsWith("docs/") && page !== INDEX && !fromIndex.has(page)), []);
  assertEquals(PAGES.filter((page) => page.startsWith("docs/") && !reached.has(page)), []);
});

Deno.test("README.md has at most 200 lines, and its links resolve within the published package", async () => {
  assertLessOrEqual(texts.get("README.md")!.split("\n").length, 200);
  const { publish } = JSON.parse(await read("deno.json")) as { publish: { include: string[]; exclude?: string[] } };
  const isPublished = (path: string) =>
    publish.include.some((entry) => {
      const [folder, extension] = entry.split("/**/*");
      if (extension === undefined) return path === entry || path.startsWith(`${entry}/`);
      return `${path}/`.startsWith(`${folder}/`) && (path.endsWith(extension) || !path.includes("."));
    });
  const unpublished = targetsOf("README.md").map(({ path }) => path).filter((path) => !isPublished(path));
  assertEquals(unpublished.filter((path) => !/\.(?:png|svg)$/.test(path)), []);
});

Deno.test("lines of Markdown have at most 160 characters, tables and code blocks aside", () => {
  for (const page of ["README.md", ...PAGES.filter((page) => /^docs\/(?!decisions\/0)/.test(page))]) {
    const text = codeBlocks(texts.get(page)!).reduce((rest, { text }) => rest.replace(text, ""), texts.get(page)!);
    const long = text.split("\n").filter((line) => line.length > 160 && !/^\s*[|<]/.test(line));
    assertEquals(long, [], page);
  }
});

Deno.test("generated pages are up to date", async () => {
  for (const { path, present, expected } of await generatePages()) {
    assertEquals(present, expected, `${path} is out of date: run "deno task docs"`);
  }
});

Deno.test("pages have the markers of the parts that measurements write", () => {
  for (const [name, page] of Object.entries(MEASURED_PAGES)) {
    const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`].map((mark) =>
      texts.get(page)!.indexOf(mark)
    );
    assert(start !== -1 && start! < end!, `${page}: ${name}`);
  }
});

/** Configurations of other programs. */
const FOREIGN_KEYS = ["scrape_configs", "livenessProbe", "readinessProbe"];

/** Returns a text of the form that the configuration needs. */
function secretIn(path: string): string {
  const [kind] = [["key.pem", "PRIVATE KEY"], [".pem", "CERTIFICATE"]].filter(([end]) => path.endsWith(end!));
  if (kind === undefined) return "x".repeat(32);
  return `-----BEGIN ${kind[1]}-----\nAAAA\n-----END ${kind[1]}-----\n`;
}

Deno.test("every configuration in the documentation is valid without changes, and causes no warning", async () => {
  let count = 0;
  for (const page of PAGES.filter((page) => page === "README.md" || page.startsWith("docs/"))) {
    for (const { text } of codeBlocks(texts.get(page)!).filter(({ info }) => info === "yaml")) {
      const keys = Object.keys(parse(text) ?? {});
      if (keys.length === 0 || keys.some((key) => FOREIGN_KEYS.includes(key))) continue;
      const services = keys.includes("services") ? "" : "\nservices: [{ name: main, url: 'http://localhost:8081' }]\n";
      const options = { readFile: (path: string) => Promise.resolve(secretIn(path)), readEnv: () => "x" };
      const { value, source } = await readConfig(text + services, options);
      assertEquals(validateConfig(value, source).warnings, [], `${page}:\n${text}`);
      count++;
    }
  }
  assertGreater(count, 15);
});

Deno.test("docs/explanation/security.md names tests that exist, and every hostile test", async () => {
  const named = new Set(
    [...texts.get("docs/explanation/security.md")!.matchAll(/`([\w/]+_test\.ts)`/g)].map(([, path = ""]) => path),
  );
  for (const path of named) await Deno.stat(new URL(`tests/${path}`, ROOT));
  for await (const { name } of Deno.readDir(new URL("tests/hostile/", ROOT))) {
    assertEquals(named.has(`hostile/${name}`), true, name);
  }
});

Deno.test("docs/reference/rfc-conformance.md names tests that exist, and one for each requirement that conductor keeps", async () => {
  const text = texts.get("docs/reference/rfc-conformance.md")!;
  const rows = text.split("\n").map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
  const requirements = rows.filter(([section = ""]) => /^\d/.test(section));
  assertGreater(requirements.length, 150);
  const missing: string[] = [];
  for (const [section, requirement, status = "", proof = ""] of requirements) {
    assert(["kept", "by Deno", "n/a", "**not kept**"].includes(status), `${section}: ${status}`);
    const tests = [...proof.matchAll(/`([\w/]+\.ts)`: (.*?)(?=$|; |\. [A-Z*]|\.$)/g)];
    if (status === "kept" && tests.length === 0 && !proof.startsWith("by configuration")) missing.push(requirement!);
    for (const [, file = "", name = ""] of tests) {
      const source = await read(`tests/${file}`).catch(() => "");
      if (!source.includes(name)) missing.push(`${section}: ${file}: ${name}`);
    }
    if (status === "n/a" || status === "**not kept**") assert(proof !== "", requirement);
  }
  assertEquals(missing, []);
});
