/**
 * Builds the documentation site from docs/ with VitePress, into site/dist.
 *
 * ```sh
 * deno task site --base /conductor/ --repository https://github.com/OWNER/NAME
 * ```
 */

import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { type SidebarItem, sidebarOf, sitePage, sitePath } from "./site/pages.ts";

const ROOT = new URL("../", import.meta.url);
const DOCS = new URL("docs/", ROOT);
const SITE = new URL("site/", ROOT);
const SOURCE = new URL("src/", SITE);
const PACKAGES = { vitepress: "1.6.4", vue: "3.5.22" };

const { base, repository } = parseArgs(Deno.args, { string: ["base", "repository"], default: { base: "/" } });
if (!/^\/(?:.*\/)?$/.test(base)) throw new Error(`"--base" must start and end with a slash: found "${base}"`);

await Deno.remove(SOURCE, { recursive: true }).catch(() => {});
await copyPages("");
await writeConfig();
await run("install", "--quiet");
await run("run", "-A", "npm:vitepress", "build", "src");
console.log(`Built ${fileURLToPath(new URL("dist/", SITE))}`);

/** Copies a folder of docs/, with its pages converted. */
async function copyPages(folder: string): Promise<void> {
  await Deno.mkdir(new URL(folder, SOURCE), { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, DOCS))) {
    const path = folder + name;
    if (isDirectory) await copyPages(`${path}/`);
    else if (!name.endsWith(".md")) await Deno.copyFile(new URL(path, DOCS), new URL(path, SOURCE));
    else {
      const page = sitePage(path, await Deno.readTextFile(new URL(path, DOCS)), repository);
      await Deno.writeTextFile(new URL(sitePath(path), SOURCE), page);
    }
  }
}

/** Writes the files of VitePress. Its folder has its own configuration, so that Deno installs packages there. */
async function writeConfig(): Promise<void> {
  const read = (path: string) => Deno.readTextFile(new URL(path, DOCS));
  const sidebar = sidebarOf(await read("README.md"), await read("decisions/README.md"));
  const icon = await Deno.readTextFile(new URL("src/admin/dashboard/icon.svg", ROOT));
  const config = {
    title: "conductor",
    description: "HTTP proxy that sends each request to several backends and returns the response of the primary",
    base,
    outDir: "../dist",
    cacheDir: "../cache",
    head: [["link", { rel: "icon", type: "image/svg+xml", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
    themeConfig: {
      nav: navigationOf(sidebar),
      sidebar,
      outline: { level: [2, 3] },
      search: { provider: "local" },
      ...repository && { socialLinks: [{ icon: "github", link: repository }] },
    },
  };
  const slug = `import { githubSlug as slugify } from "../../../tools/markdown.ts";`;
  const files: Readonly<Record<string, string>> = {
    "package.json": JSON.stringify({ private: true, type: "module", dependencies: PACKAGES }),
    "deno.json": JSON.stringify({ nodeModulesDir: "auto", lock: false }),
    "src/.vitepress/config.ts": `${slug}\nexport default {...${
      JSON.stringify(config)
    }, markdown: { anchor: { slugify } } };`,
    "src/.vitepress/theme/index.ts":
      `import Theme from "vitepress/theme";\nimport "./style.css";\nexport default Theme;\n`,
    "src/.vitepress/theme/style.css": await Deno.readTextFile(new URL("site/style.css", import.meta.url)),
  };
  await Deno.mkdir(new URL(".vitepress/theme/", SOURCE), { recursive: true });
  for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(new URL(path, SITE), text);
}

/** Returns the navigation: the index of each group, or its first page. */
function navigationOf(sidebar: readonly SidebarItem[]): { text: string; link: string; activeMatch: string }[] {
  return sidebar.map(({ text, items: [first] = [], link = first?.link ?? "/" }) => {
    return { text, link, activeMatch: `^/${link.split("/")[1]}/` };
  });
}

async function run(...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd: SITE }).output().then(
    (result) => {
      if (!result.success) {
        console.error(new TextDecoder().decode(result.stdout) + new TextDecoder().decode(result.stderr));
      }
      return result;
    },
  );
  if (!success) Deno.exit(1);
}
