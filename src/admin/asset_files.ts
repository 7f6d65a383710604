/** Files of the dashboard in Node, which cannot import text: read from the folder of the installed package. */

/** A file of the dashboard. */
export interface Asset {
  /** Path of the URL. */
  readonly path: string;
  /** Media type, for Content-Type. */
  readonly type: string;
  /** Content. */
  readonly text: string;
}

/** Media types by the ends of file names. */
export const MEDIA_TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
} as const;

/** The names of all files. Nothing else of the file system can be named. */
const FILE = /^\/assets\/([a-z_]+\.(css|js|svg))$/;

/**
 * Reads the file for a path. Returns `undefined` for an unknown path. Throws if the package has no folder with these
 * files, for example because a bundler has left them out.
 */
export async function readAsset(path: string): Promise<Asset | undefined> {
  const [, name = "index.html", extension = "html"] = FILE.exec(path) ?? [];
  if (name === "index.html" && path !== "/") return undefined;
  const { readFile } = await import("node:fs/promises");
  const folder = new URL("./dashboard/", import.meta.url);
  // A package without the page has none of the files.
  const page = await readFile(new URL("index.html", folder), "utf8");
  const text = path === "/" ? page : await readFile(new URL(name, folder), "utf8").catch(() => undefined);
  return text === undefined ? undefined : { path, type: MEDIA_TYPES[extension as keyof typeof MEDIA_TYPES], text };
}
