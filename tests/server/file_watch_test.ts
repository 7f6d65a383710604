/** Detection of changes to watched files. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { fingerprint } from "../../src/server/file_watch.ts";

const PASSED_MS = 20;

async function stampAround(change: (path: string) => Promise<unknown>): Promise<readonly [string, string]> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "one");
    const before = await fingerprint(path);
    await delay(PASSED_MS);
    await change(path);
    return [before, await fingerprint(path)];
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
  "is removed and made again": async (path) => {
    await Deno.remove(path);
    await Deno.writeTextFile(path, "two");
  },
};

for (const [change, act] of Object.entries(CHANGES)) {
  Deno.test(`fingerprint() differs when a file ${change}`, async () => {
    const [before, after] = await stampAround(act);
    assertNotEquals(after, before);
  });
}

Deno.test("fingerprint() differs when a file is written and its modification time is restored", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const [before, after] = await stampAround(async (path) => {
    const { atime, mtime } = await Deno.stat(path);
    // Deno reports the change time in whole seconds.
    await delay(1_000);
    await Deno.writeTextFile(path, "two");
    await Deno.utime(path, atime!, mtime!);
  });
  assertNotEquals(after, before);
});

Deno.test("fingerprint() stays the same when a file is read", async () => {
  const [before, after] = await stampAround((path) => Deno.readTextFile(path));
  assertEquals(after, before);
});
