/** Checks whether other users can change the code in a folder. */

import { dirname, resolve } from "node:path";

const OTHERS_MAY_WRITE = 0o022;
/** In a folder with the sticky bit, such as `/tmp`, users cannot rename or remove the entries of others. */
const STICKY = 0o1000;
const ROOT_UID = 0;

/** First path that another user controls, with the reason; `undefined` if there is none, or if files have no owners. */
export type Weakness = string | undefined;

/** Checks a folder and all folders above it, for the path as written and with its links resolved. */
export async function weaknessAbove(folder: string): Promise<Weakness> {
  const uid = Deno.uid();
  if (uid === null) return undefined;
  for (const path of new Set([resolve(folder), await Deno.realPath(folder)])) {
    for (const ancestor of withAncestors(path)) {
      const info = await Deno.lstat(ancestor);
      if (info.uid !== uid && info.uid !== ROOT_UID) return `${ancestor} belongs to another user`;
      // The mode of a link is meaningless. Its target is part of the resolved path.
      if (info.isSymlink || !(info.mode! & OTHERS_MAY_WRITE)) continue;
      if (ancestor === path || !(info.mode! & STICKY)) return `${ancestor} can be written by other users`;
    }
  }
  return undefined;
}

/** Checks a folder and everything in it. A link is a weakness, because layouts contain none. */
export async function weaknessWithin(path: string): Promise<Weakness> {
  const uid = Deno.uid();
  if (uid === null) return undefined;
  const info = await Deno.lstat(path);
  if (info.uid !== uid) return `${path} belongs to another user`;
  if (info.isSymlink) return `${path} is a link`;
  if (info.mode! & OTHERS_MAY_WRITE) return `${path} can be written by other users`;
  if (!info.isDirectory) return undefined;
  for await (const { name } of Deno.readDir(path)) {
    const weakness = await weaknessWithin(`${path}/${name}`);
    if (weakness !== undefined) return weakness;
  }
  return undefined;
}

function withAncestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...withAncestors(parent)];
}
