/**
 * A registry as a plain folder, with the file names that Deno requests from jsr.io. The `file:` URL of the folder can
 * be used as `JSR_URL`.
 */

import { weaknessWithin } from "./private_folder.ts";
import { STAND_IN, STAND_IN_VERSION, type StandInModule } from "./jsr_stand_in.ts";

/** Text of every file of a folder, by its path in the folder. */
export type FileTexts = Readonly<Record<string, string>>;

/** Fields of deno.json that describe the published package. */
interface Manifest {
  name: string;
  version: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
  publish: { include: string[] };
}

/** Age after which unused layouts, and drafts of killed runs, are removed when a new layout is written. */
const STALE_AFTER_MS = 7 * 24 * 60 * 60 * 1_000;

const SPECIFIER = /(\bfrom\s*|\bimport\s*|\bimport\s*\(\s*)(["'])(@[^"'/]+\/[^"'/]+)((?:\/[^"']*)?)\2/g;

/** Returns the registry files of the replacement for `@std`. */
export async function standInFiles(): Promise<FileTexts> {
  const files: Record<string, string> = {};
  for (const [name, modules] of Object.entries(STAND_IN)) {
    const exports: Record<string, string> = {};
    for (const [entry, module] of Object.entries(modules)) {
      const file = entry === "." ? "mod" : entry;
      exports[entry === "." ? "." : `./${entry}`] = `./${file}.ts`;
      const path = `${name}/${STAND_IN_VERSION}/${file}`;
      files[`${path}.ts`] = await moduleText(module, file);
      if (module.declarations) files[`${path}.d.ts`] = module.declarations;
    }
    Object.assign(files, metaFiles(name, STAND_IN_VERSION, exports));
  }
  return files;
}

/** Returns the registry files of a package, as `deno publish` would publish it. */
export async function packageFiles(root: URL): Promise<FileTexts> {
  const { name, version, exports, imports, publish }: Manifest = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  const files: Record<string, string> = { ...metaFiles(name, version, exports) };
  for (const path of await listFiles(root, publish.include)) {
    const text = await Deno.readTextFile(new URL(path, root));
    files[`${name}/${version}/${path}`] = path.endsWith(".ts") ? resolveImports(text, imports) : text;
  }
  return files;
}

/**
 * Writes files into a folder named after their content, and returns its path. Concurrent runs find the folder complete
 * or not at all, and two states of the files never mix.
 */
export async function layOut(parent: string, files: FileTexts): Promise<string> {
  await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
  const folder = `${parent}/${await hash(JSON.stringify(files))}`;
  if (await isLaidOut(folder, files)) {
    await Deno.utime(folder, new Date(), new Date());
    return folder;
  }
  await removeStale(parent);
  const draft = await Deno.makeTempDir({ dir: parent });
  for (const [path, text] of Object.entries(files)) {
    const file = `${draft}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(file, text, { createNew: true, mode: 0o600 });
  }
  try {
    await Deno.rename(draft, folder);
  } catch (error) {
    // Either another run was first, or the existing folder is incomplete or unsafe, and must be replaced.
    if (!await isLaidOut(folder, files)) {
      await Deno.rename(folder, `${draft}.broken`).catch(() => {
        throw error;
      });
      await Deno.rename(draft, folder);
    }
    for (const leftover of [draft, `${draft}.broken`]) {
      await Deno.remove(leftover, { recursive: true }).catch(() => {});
    }
  }
  return folder;
}

async function moduleText(module: StandInModule, name: string): Promise<string> {
  if (module.npm) return `// @ts-types="./${name}.d.ts"\nexport * from "${module.npm}";\n`;
  if (module.file) return await Deno.readTextFile(new URL(`stand_in/${module.file}`, import.meta.url));
  return module.code ?? "";
}

function metaFiles(name: string, version: string, exports: Record<string, string>): FileTexts {
  const [scope, bare] = name.slice(1).split("/");
  return {
    [`${name}/meta.json`]: JSON.stringify({ scope, name: bare, latest: version, versions: { [version]: {} } }),
    [`${name}/${version}_meta.json`]: JSON.stringify({ exports, manifest: {} }),
  };
}

/** Resolves bare specifiers as `deno publish` does, because a published package has no import map. */
function resolveImports(text: string, imports: Record<string, string>): string {
  return text.replace(SPECIFIER, (all, before, quote, name, rest) => {
    const target = imports[name];
    return target ? `${before}${quote}${target}${rest}${quote}` : all;
  });
}

async function listFiles(root: URL, include: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const path of include) {
    const info = await Deno.stat(new URL(path, root)).catch(() => undefined);
    if (info?.isFile) paths.push(path);
    if (!info?.isDirectory) continue;
    const entries = await Array.fromAsync(Deno.readDir(new URL(path, root)), (entry) => `${path}/${entry.name}`);
    paths.push(...await listFiles(root, entries.sort()));
  }
  return paths;
}

async function isLaidOut(folder: string, files: FileTexts): Promise<boolean> {
  const weakness = await weaknessWithin(folder).catch(() => "missing");
  if (weakness !== undefined) return false;
  const same = Object.entries(files).map(async ([path, text]) =>
    await Deno.readTextFile(`${folder}/${path}`).catch(() => undefined) === text
  );
  return (await Promise.all(same)).every(Boolean);
}

async function removeStale(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    const path = `${parent}/${name}`;
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
    if (mtime && Date.now() - mtime.getTime() > STALE_AFTER_MS) {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 16);
}
