/** Record of reloads, and its visibility in the metrics and on the admin listener. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { StateView } from "../../src/admin/api.ts";
import { ReloadHistory } from "../../src/cli/reload_history.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { freePort } from "../_support/ports.ts";
import { startBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

Deno.test("ReloadHistory counts reloads, and keeps the time of the last success", () => {
  let timeMs = 1_000;
  const history = new ReloadHistory({ file: "/c.yaml", now: () => timeMs });
  const start = {
    file: "/c.yaml",
    changes: [],
    isSuccessful: true,
    lastSuccessMs: 1_000,
    lastAttemptMs: 1_000,
    succeeded: 0,
    refused: 0,
  };
  assertEquals(history.stats, { ...start, problems: [] });
  timeMs = 2_000;
  history.recordRefusal(new ConfigError([{ path: "port", message: "must be a number" }]));
  const refused = { ...start, isSuccessful: false, lastAttemptMs: 2_000, refused: 1 };
  const problems = ["port: must be a number"];
  const lastRefusal = { timeMs: 2_000, problems };
  assertEquals(history.stats, { ...refused, problems, lastRefusal });
  timeMs = 3_000;
  history.recordSuccess(["port"]);
  const applied = { ...start, lastSuccessMs: 3_000, lastAttemptMs: 3_000, succeeded: 1, refused: 1 };
  assertEquals(history.stats, { ...applied, problems: [], changes: ["port"], lastRefusal });
});

Deno.test("ReloadHistory limits the number and the length of problems", () => {
  const history = new ReloadHistory({ file: "/c.yaml" });
  const problems = Array.from({ length: 50 }, (_, index) => ({ path: `p${index}`, message: "x".repeat(10_000) }));
  history.recordRefusal(new ConfigError(problems));
  const shown = history.stats.problems;
  assertEquals(shown.length, 11);
  assertEquals(shown.at(-1), "and 40 more, see the log");
  assert(JSON.stringify(shown).length < 5_000);
});

Deno.test("ReloadHistory does not show the message of an unexpected error, which may quote a secret", () => {
  const history = new ReloadHistory({ file: "/c.yaml" });
  for (const error of [new TypeError("s3cret"), "s3cret", undefined]) {
    history.recordRefusal(error);
    assertEquals(history.stats.problems, ["unexpected error, see the log"]);
  }
});

/** Reads the state and the metrics of both ports. */
async function readAll(url: string, admin: string) {
  const get = async (url: string) => await (await fetch(url, { headers: { connection: "close" } })).text();
  const state: StateView = JSON.parse(await get(`${admin}api/state`));
  return { state, texts: [await get(`${url}/metrics`), await get(`${admin}metrics`)] };
}

const SECRET = "hunter2-hunter2-hunter2";

function configText(backend: string, more = ""): string {
  return `
metrics: { enabled: true, enablePrometheus: true }
admin: { port: ${freePort()} }
services: [{ name: a, url: "${backend}"${more} }]
`;
}

async function assertVisible({ url, admin, file, reload }: {
  readonly file: string;
  readonly url: string;
  readonly admin: string;
  readonly reload: (isValid: boolean) => Promise<void>;
}): Promise<void> {
  const startMs = (await readAll(url, admin)).state.reloads!.lastSuccessMs;
  await reload(false);
  const refused = await readAll(url, admin);
  const { reloads } = refused.state;
  assertEquals([reloads!.isSuccessful, reloads!.succeeded, reloads!.refused], [false, 0, 1]);
  assertEquals(reloads!.file, file);
  assertEquals(reloads!.lastSuccessMs, startMs);
  assert(reloads!.lastAttemptMs >= startMs);
  assertStringIncludes(reloads!.problems.join("\n"), "services[0].timeout");
  for (const text of refused.texts) {
    assertStringIncludes(text, "\nconductor_config_last_reload_successful 0\n");
    assertStringIncludes(text, `\nconductor_config_last_reload_success_timestamp_seconds ${startMs / 1_000}\n`);
    assertStringIncludes(text, '\nconductor_config_reloads_total{result="failure"} 1\n');
  }
  assertEquals(JSON.stringify(refused).includes(SECRET), false);

  await reload(true);
  const applied = await readAll(url, admin);
  assertEquals(applied.state.reloads!.problems, []);
  assertEquals(applied.state.reloads!.changes, ['service "a": timeout']);
  // A refusal stays readable after the reload that follows it.
  const { timeMs, problems } = applied.state.reloads!.lastRefusal!;
  assertStringIncludes(problems.join("\n"), "services[0].timeout");
  assertEquals(timeMs, reloads!.lastAttemptMs);
  assert(applied.state.reloads!.lastSuccessMs > startMs);
  for (const text of applied.texts) {
    assertStringIncludes(text, "\nconductor_config_last_reload_successful 1\n");
    assertStringIncludes(text, '\nconductor_config_reloads_total{result="success"} 1\n');
    assertStringIncludes(text, `\nconductor_config_last_reload_refusal_timestamp_seconds ${timeMs / 1_000}\n`);
  }
}

Deno.test("a refused reload is visible in both metrics and in the state, without secrets, until one is applied", async () => {
  await using backend = startBackend();
  const valid = configText(backend.url);
  const changed = valid.replace(" }]", ", timeout: 7s }]");
  await using file = await tempConfig(valid);
  await using secret = await tempConfig(SECRET);
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1"], io);
  const [, url = "", admin = ""] = await io.stdout.seen(/"url":"(.*?)","admin":"(.*?)"/);
  await assertVisible({
    url,
    admin,
    file: file.path,
    reload: async (isValid) => {
      // The value of a secret is what the field rejects.
      const broken = valid.replace(" }]", `, timeout: "\${file:${secret.path}}" }]`);
      await Deno.writeTextFile(file.path, isValid ? changed : broken);
      io.reload();
      await io.stdout.seen(isValid ? /configuration reloaded.*service \\"a\\": timeout/ : /configuration not reloaded/);
    },
  });
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
});

Deno.test("with --workers a refused reload is visible in the same way", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using backend = startBackend();
  const valid = configText(backend.url);
  const changed = valid.replace(" }]", ", timeout: 7s }]");
  await using file = await tempConfig(valid);
  const args = ["-c", file.path, "--port", "0", "--host", "127.0.0.1", "--workers", "2", "--watch"];
  await using child = startCli(args);
  const [, url = "", admin = ""] = await child.stdout.seen(/"url":"(.*?)","admin":"(.*?)"/);
  await assertVisible({
    url,
    admin,
    file: file.path,
    reload: async (isValid) => {
      await Deno.writeTextFile(file.path, isValid ? changed : valid.replace(" }]", ", timeout: never }]"));
      await child.stdout.seen(
        isValid ? /configuration reloaded.*service \\"a\\": timeout/ : /configuration not reloaded/,
      );
    },
  });
});
