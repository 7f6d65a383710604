/** Sentences of `check` and `explain` about comparison. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import { tempConfig } from "../_support/cli_process.ts";
import { createTestIo } from "../_support/test_io.ts";

const OLD = { name: "old", url: "http://localhost:8081", primary: true };
const NEW = { name: "new", url: "http://localhost:8082", shadow: true };
const TWIN = { name: "twin", url: "http://localhost:8083", shadow: true, control: true };
const ADMIN = { admin: { port: 9090 } };

async function run(args: readonly string[], config: unknown): Promise<string> {
  await using file = await tempConfig(JSON.stringify(config));
  const io = createTestIo();
  assertEquals(await runCommandLine([...args, "--config", file.path], io), 0);
  assertEquals(io.stderr.text, "");
  return io.stdout.text;
}

/** Returns the sentences about comparison. */
async function explain(args: readonly string[], config: unknown): Promise<string[]> {
  const text = await run(["explain", ...args], config);
  return text.split("\n").map((line) => line.trim()).filter((line) => /^(?:Compares|Sends|Cannot)/.test(line));
}

Deno.test("explain shows which responses are compared, and which requests are sent to the primary again", async () => {
  const config = { compare: true, services: [OLD, NEW] };
  assertEquals(await explain(["/x"], config), [
    "Compares the responses of new with those of old.",
    "Sends 1 of 10 requests to old again, to detect noise.",
  ]);
  assertEquals(await explain(["POST", "/x"], config), [
    "Compares the responses of new with those of old.",
    "Cannot detect noise: POST is not sent again.",
  ]);
});

Deno.test("check and explain name the further requests that may be sent to the primary again", async () => {
  const config = { compare: { replayable: ["POST /graphql", "POST /users/{id}/search"] }, services: [OLD, NEW] };
  const sends = "Sends 1 of 10 requests to old again, to detect noise.";
  assertEquals((await explain(["POST", "/users/7/search"], config)).at(-1), sends);
  assertEquals((await explain(["POST", "/users"], config)).at(-1), "Cannot detect noise: POST is not sent again.");
  assertStringIncludes(
    await run(["check"], { ...config, safeShadows: true }),
    "1 of 10 requests that are compared, GET, HEAD, POST /graphql, and POST /users/{id}/search only",
  );
});

Deno.test("explain shows the purpose of a control, and sends nothing again if `noise` is off", async () => {
  const compare = { noise: "off", sample: "25%" };
  assertEquals(await explain(["/x"], { compare, services: [OLD, NEW, TWIN] }), [
    "Compares the responses of new (1 of 4 requests) with those of old.",
    "Compares old with twin (1 of 4 requests) as well, to detect noise.",
  ]);
  assertEquals(await explain(["/x"], { compare, services: [OLD, NEW] }), [
    "Compares the responses of new (1 of 4 requests) with those of old.",
    "Cannot detect noise: `noise` is off.",
  ]);
});

Deno.test("explain does not mention comparison if it is off, excludes the service, or the request is not mirrored", async () => {
  assertEquals(await explain(["/x"], { services: [OLD, NEW] }), []);
  assertEquals(await explain(["/x"], { compare: true, services: [OLD, { ...NEW, compare: false }] }), []);
  assertEquals(await explain(["POST", "/x"], { compare: true, safeShadows: true, services: [OLD, NEW] }), []);
});

Deno.test("check shows which services are compared, and that the report needs an admin listener", async () => {
  const text = await run(["check"], {
    compare: true,
    safeShadows: true,
    services: [OLD, NEW, { ...TWIN, control: false }],
  });
  assertStringIncludes(
    text,
    `
  compared with the primary: new and twin
  sent to the primary again, to detect noise: 1 of 10 requests that are compared, GET and HEAD only
  no report: it needs an admin listener; without one, mismatches are only logged
`,
  );
  const withAdmin = await run(["check"], {
    ...ADMIN,
    safeShadows: true,
    compare: { noise: "off" },
    services: [OLD, NEW],
  });
  assertStringIncludes(
    withAdmin,
    `
  admin listener on 127.0.0.1:9090, reachable from this machine only
  compared with the primary: new
  noise cannot be detected: \`noise\` is off, and no service is a control
`,
  );
  const withControl = await run(["check"], {
    ...ADMIN,
    safeShadows: true,
    compare: { noise: "off" },
    services: [OLD, TWIN],
  });
  assertStringIncludes(withControl, "this machine only\n  compared with the primary: only controls\n");
  assertEquals(
    (await run(["check"], { ...ADMIN, safeShadows: true, services: [OLD, NEW] })).includes("compared"),
    false,
  );
});
