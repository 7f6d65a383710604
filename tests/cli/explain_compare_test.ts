/** What `check` and `explain` say about comparing. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import { tempConfig } from "../_support/cli_process.ts";
import { createTestIo } from "../_support/test_io.ts";

const OLD = { name: "old", url: "http://localhost:8081", primary: true };
const NEW = { name: "new", url: "http://localhost:8082", shadow: true };
const TWIN = { name: "twin", url: "http://localhost:8083", shadow: true, control: true };
const ADMIN = { admin: { port: 9090 } };

async function say(args: readonly string[], config: unknown): Promise<string> {
  await using file = await tempConfig(JSON.stringify(config));
  const io = createTestIo();
  assertEquals(await runCommandLine([...args, "--config", file.path], io), 0);
  assertEquals(io.stderr.text, "");
  return io.stdout.text;
}

/** The lines that are about comparing. */
async function explain(args: readonly string[], config: unknown): Promise<string[]> {
  const text = await say(["explain", ...args], config);
  return text.split("\n").map((line) => line.trim()).filter((line) => /^(?:Compares|Sends|Takes all)/.test(line));
}

Deno.test("explain tells what is compared, and what is sent to the primary again", async () => {
  const config = { compare: true, services: [OLD, NEW] };
  assertEquals(await explain(["/x"], config), [
    "Compares the answers of new with those of old.",
    "Sends 1 of 10 requests to old again, to learn what differs by itself.",
  ]);
  assertEquals(await explain(["POST", "/x"], config), [
    "Compares the answers of new with those of old.",
    "Takes all that differs for a mismatch, even what differs by itself: POST is not sent again.",
  ]);
});

Deno.test("explain tells what a control is for, and that nothing is sent again where noise is off", async () => {
  const compare = { noise: "off", sample: "25%" };
  assertEquals(await explain(["/x"], { compare, services: [OLD, NEW, TWIN] }), [
    "Compares the answers of new (1 of 4 requests) with those of old.",
    "Compares old with twin (1 of 4 requests) as well, to learn what differs by itself.",
  ]);
  assertEquals(await explain(["/x"], { compare, services: [OLD, NEW] }), [
    "Compares the answers of new (1 of 4 requests) with those of old.",
    "Takes all that differs for a mismatch, even what differs by itself: noise is off.",
  ]);
});

Deno.test("explain tells of no comparison where there is none: it is off, left out, or there is no copy", async () => {
  assertEquals(await explain(["/x"], { services: [OLD, NEW] }), []);
  assertEquals(await explain(["/x"], { compare: true, services: [OLD, { ...NEW, compare: false }] }), []);
  assertEquals(await explain(["POST", "/x"], { compare: true, safeShadows: true, services: [OLD, NEW] }), []);
});

Deno.test("check tells what is compared, and that nobody can ask for the report without an admin listener", async () => {
  const text = await say(["check"], { compare: true, services: [OLD, NEW, { ...TWIN, control: false }] });
  assertStringIncludes(
    text,
    `
  compared with the primary: new and twin
  sent to the primary once more: 1 of 10 requests of those compared, GET and HEAD only
  nobody can ask for the report, as there is no admin listener: only the log tells
`,
  );
  const asked = await say(["check"], { ...ADMIN, compare: { noise: "off" }, services: [OLD, NEW] });
  assertStringIncludes(
    asked,
    `
  admin listener on 127.0.0.1:9090, for this machine
  compared with the primary: new
  what differs by itself is not found out, and counts: noise is off, and no service is a control
`,
  );
  const controlled = await say(["check"], { ...ADMIN, compare: { noise: "off" }, services: [OLD, TWIN] });
  assertStringIncludes(controlled, "this machine\n  compared with the primary: only controls of it\n");
  assertEquals((await say(["check"], { ...ADMIN, services: [OLD, NEW] })).includes("compared"), false);
});
