/** Detection of changes to watched files. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { deadline } from "@std/async/deadline";
import { delay } from "@std/async/delay";
import { type FileWatchOptions, fingerprint, watchFiles } from "../../src/server/file_watch.ts";

const isWindows = Deno.build.os === "windows";
const PASSED_MS = 20;
/** Shorter than in use. Content is not checked, so that each change must show in the status. */
const FAST: FileWatchOptions = { pollMs: 10, contentPollMs: Infinity };
const MAX_MS = 5_000;

async function fingerprintsAround(change: (path: string) => Promise<unknown>): Promise<readonly [string, string]> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "one");
    const before = await fingerprint(path);
    await delay(PASSED_MS);
    await change(path);
    return [before.status, (await fingerprint(path)).status];
  } finally {
    await Deno.remove(path);
  }
}

/** Changes of a file to another content of the same length. */
const CHANGES: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "is written to": (path) => Deno.writeTextFile(path, "two"),
  "is renamed over": async (path) => {
    await Deno.writeTextFile(`${path}.new`, "two");
    await Deno.rename(`${path}.new`, path);
  },
  "is removed and created again": async (path) => {
    await Deno.remove(path);
    await Deno.writeTextFile(path, "two");
  },
};

for (const [change, act] of Object.entries(CHANGES)) {
  Deno.test(`fingerprint() differs when a file ${change}`, async () => {
    const [before, after] = await fingerprintsAround(act);
    assertNotEquals(after, before);
  });
}

Deno.test("fingerprint() differs when a file is written and its modification time is restored", {
  ignore: isWindows,
}, async () => {
  const [before, after] = await fingerprintsAround(async (path) => {
    const { atime, mtime } = await Deno.stat(path);
    // Deno reports the change time in whole seconds.
    await delay(1_000);
    await Deno.writeTextFile(path, "two");
    await Deno.utime(path, atime!, mtime!);
  });
  assertNotEquals(after, before);
});

Deno.test("fingerprint() stays the same when a file is read", async () => {
  const [before, after] = await fingerprintsAround((path) => Deno.readTextFile(path));
  assertEquals(after, before);
});

/** A layout of files in a folder, the path to watch, and a change that leads to another content. */
interface Case {
  readonly name: string;
  readonly path: string;
  readonly make: (root: string) => Promise<unknown>;
  readonly change: (root: string) => Promise<unknown>;
}

async function writeIn(folder: string, text: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/file`, text);
}

/** As deployments do: a link is created beside, and renamed over the old one. */
async function switchLink(path: string, target: string): Promise<void> {
  await Deno.symlink(target, `${path}.new`);
  await Deno.rename(`${path}.new`, path);
}

async function linkedFile(root: string): Promise<void> {
  await writeIn(`${root}/other`, "one");
  await Deno.symlink(`${root}/other/file`, `${root}/file`);
}

async function linkedFolder(root: string): Promise<void> {
  await writeIn(`${root}/releases/1`, "one");
  await writeIn(`${root}/releases/2`, "two");
  await Deno.symlink("releases/1", `${root}/current`);
}

const CASES: readonly Case[] = [
  {
    name: "the target of a link is written to in another folder",
    path: "file",
    make: linkedFile,
    change: (root) => Deno.writeTextFile(`${root}/other/file`, "two"),
  },
  {
    name: "the target of a link is renamed over in another folder",
    path: "file",
    make: linkedFile,
    change: async (root) => {
      await Deno.writeTextFile(`${root}/other/file.new`, "two");
      await Deno.rename(`${root}/other/file.new`, `${root}/other/file`);
    },
  },
  {
    name: "a link is switched to another file",
    path: "file",
    make: linkedFile,
    change: async (root) => {
      await writeIn(`${root}/third`, "two");
      await switchLink(`${root}/file`, `${root}/third/file`);
    },
  },
  {
    name: "the target of a link to a link is written to",
    path: "first",
    make: async (root) => {
      await linkedFile(root);
      await Deno.symlink("file", `${root}/first`);
    },
    change: (root) => Deno.writeTextFile(`${root}/other/file`, "two"),
  },
  {
    name: "a link to a folder on the way is switched",
    path: "current/file",
    make: linkedFolder,
    change: (root) => switchLink(`${root}/current`, "releases/2"),
  },
  {
    name: "a link to a folder on the way is removed and created again",
    path: "current/file",
    make: linkedFolder,
    change: async (root) => {
      await Deno.remove(`${root}/current`);
      await Deno.symlink("releases/2", `${root}/current`);
    },
  },
  {
    name: "Kubernetes switches ..data",
    path: "file",
    make: async (root) => {
      await writeIn(`${root}/..1`, "one");
      await Deno.symlink("..1", `${root}/..data`);
      await Deno.symlink("..data/file", `${root}/file`);
    },
    change: async (root) => {
      await writeIn(`${root}/..2`, "two");
      await switchLink(`${root}/..data`, "..2");
      await Deno.remove(`${root}/..1`, { recursive: true });
    },
  },
  {
    name: "the folder is replaced by another one",
    path: "folder/file",
    make: async (root) => {
      await writeIn(`${root}/folder`, "one");
      await writeIn(`${root}/next`, "two");
    },
    change: async (root) => {
      await Deno.rename(`${root}/folder`, `${root}/old`);
      await Deno.rename(`${root}/next`, `${root}/folder`);
    },
  },
  {
    name: "the folder disappears",
    path: "folder/file",
    make: (root) => writeIn(`${root}/folder`, "one"),
    change: (root) => Deno.remove(`${root}/folder`, { recursive: true }),
  },
  {
    name: "a folder appears that did not exist",
    path: "folder/deep/file",
    make: () => Promise.resolve(),
    change: (root) => writeIn(`${root}/folder/deep`, "two"),
  },
  {
    name: "a file appears that did not exist",
    path: "file",
    make: () => Promise.resolve(),
    change: (root) => writeIn(root, "two"),
  },
  {
    name: "a link gets its target",
    path: "file",
    make: (root) => Deno.symlink("other/file", `${root}/file`),
    change: (root) => writeIn(`${root}/other`, "two"),
  },
  {
    name: "a folder takes the place of a file",
    path: "file",
    make: (root) => writeIn(root, "one"),
    change: async (root) => {
      await Deno.remove(`${root}/file`);
      await Deno.mkdir(`${root}/file`);
    },
  },
];

for (const { name, path, make, change } of CASES) {
  Deno.test(`watchFiles() detects that ${name}`, { ignore: isWindows }, async () => {
    const root = await Deno.makeTempDir();
    await make(root);
    await assertDetected(`${root}/${path}`, () => change(root));
    await Deno.remove(root, { recursive: true });
  });
}

Deno.test("watchFiles() detects that a folder comes back after it has disappeared", async () => {
  const root = await Deno.makeTempDir();
  await writeIn(`${root}/folder`, "one");
  const path = `${root}/folder/file`;
  await assertDetected(path, () => Deno.remove(`${root}/folder`, { recursive: true }));
  await assertDetected(path, () => writeIn(`${root}/folder`, "one"));
  await Deno.remove(root, { recursive: true });
});

Deno.test("watchFiles() detects a change of content that leaves the status as it is", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "one");
  // As on a file system with coarse times: the second change has the time of the first.
  const { content, ...status } = await fingerprint(path);
  await Deno.writeTextFile(path, "two");
  const after = await fingerprint(path);
  assertNotEquals(after.content, content);
  const watch = watchFiles(new Map([[path, { ...status, status: after.status, content }]]), {
    pollMs: 10,
    contentPollMs: 50,
  });
  await deadline(watch.changed, MAX_MS);
  watch.close();
  await Deno.remove(path);
});

Deno.test("watchFiles() waits until a file that is being written stays the same", async () => {
  const path = await Deno.makeTempFile();
  const watch = watchFiles(new Map([[path, await fingerprint(path)]]), FAST);
  let isComplete = false;
  const seen = watch.changed.then(() => isComplete);
  for (let line = 0; line < 8; line++) {
    await Deno.writeTextFile(path, `line ${line}\n`, { append: true });
    await delay(50);
  }
  isComplete = true;
  assertEquals(await deadline(seen, MAX_MS), true);
  watch.close();
  await Deno.remove(path);
});

Deno.test("watchFiles() reports nothing while nothing changes", async () => {
  const path = await Deno.makeTempFile();
  const watch = watchFiles(
    new Map([[path, await fingerprint(path)], [`${path}/none`, await fingerprint(`${path}/none`)]]),
    {
      pollMs: 5,
      contentPollMs: 10,
    },
  );
  const result = await Promise.race([watch.changed, delay(200, {}).then(() => "nothing")]);
  assertEquals(result, "nothing");
  watch.close();
  await Deno.remove(path);
});

async function assertDetected(path: string, change: () => Promise<unknown>): Promise<void> {
  const before = await fingerprint(path);
  const watch = watchFiles(new Map([[path, before]]), FAST);
  await change();
  await deadline(watch.changed, MAX_MS);
  watch.close();
  assertNotEquals((await fingerprint(path)).status, before.status);
}
