import { assertEquals, assertStringIncludes } from "@std/assert";

import { COMMAND_NAMES, COMMANDS, SHELLS } from "../../src/cli/commands.ts";
import { COMMON_FLAGS, flagWord } from "../../src/cli/flags.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { createTestIo } from "../_support/test_io.ts";

async function scriptFor(shell: string): Promise<string> {
  const io = createTestIo();
  assertEquals(await runCommandLine(["completions", shell], io), 0);
  return io.stdout.text;
}

/** Runs a program in a folder with one file. Returns its output, or `undefined` if it is not installed. */
async function runShell(shell: string, args: readonly string[], files: Readonly<Record<string, string>>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const command = new Deno.Command(shell, { args: [...args], cwd: folder, stderr: "inherit" });
    const { success, stdout } = await command.output();
    assertEquals(success, true);
    return new TextDecoder().decode(stdout).trim().split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Columns: the words of the command line, the last one incomplete; the completions, sorted. */
const CASES: [words: string[], completions: string[]][] = [
  [["ch"], ["check"]],
  [["comp"], ["completions"]],
  [["--log-f"], ["--log-format"]],
  [["--log-format", ""], ["json", "pretty"]],
  [["--log-format", "=", "p"], ["pretty"]],
  [["check", "-c", "conf"], ["config.yaml"]],
  [["check", "--config", "conf"], ["config.yaml"]],
  [["check", "--config", "=", "conf"], ["config.yaml"]],
  [["completions", ""], [...SHELLS].sort()],
  [["-c", "config.yaml", "ex"], ["explain"]],
  [["--port", ""], []],
  [["report", "--format", "m"], ["markdown"]],
  ...COMMAND_NAMES.map((command): [string[], string[]] => [
    [command, "--"],
    [...COMMANDS[command].flags, ...COMMON_FLAGS].map((name) => `--${flagWord(name)}`).sort(),
  ]),
];

Deno.test("the completion script for bash completes commands, flags, values and files", async () => {
  const calls = CASES.map(([words]) => `complete_words conductor ${words.map((word) => `'${word}'`).join(" ")}\n`);
  const driver = `
source ./conductor.bash
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _conductor; echo "\${COMPREPLY[*]}"; }
${calls.join("")}echo end`;
  const lines = await runShell("bash", ["-c", driver], {
    "conductor.bash": await scriptFor("bash"),
    "config.yaml": "",
  });
  assertEquals(
    lines?.slice(0, -1).map((line) => line.split(" ").filter((word) => word !== "").sort()),
    CASES.map(([, completions]) => completions),
  );
});

Deno.test("the completion script for fish completes commands, flags, values and files", async () => {
  const cases = CASES.filter(([words]) => !words.includes("=") && words[0] !== "--port");
  const calls = cases.map(([words]) =>
    `echo (complete -C "conductor ${words.join(" ")}" | string split -f1 \\t | string join " ")\n`
  );
  const lines = await runShell("fish", ["--no-config", "-c", `source ./conductor.fish\n${calls.join("")}`], {
    "conductor.fish": await scriptFor("fish"),
    "config.yaml": "",
  });
  if (lines === undefined) return;
  assertEquals(
    lines.map((line) => line.split(" ").sort()),
    cases.map(([, completions]) => completions),
  );
});

Deno.test("the completion script for zsh has valid syntax, and names every command and flag", async () => {
  const text = await scriptFor("zsh");
  for (const command of COMMAND_NAMES) {
    assertStringIncludes(text, `'${command}:`);
    for (const name of COMMANDS[command].flags) assertStringIncludes(text, `'--${flagWord(name)}`);
  }
  await runShell("zsh", ["-n", "conductor.zsh"], { "conductor.zsh": text });
});
