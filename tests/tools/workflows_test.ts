/**
 * Supply-chain rules of the workflows: a compromised action or dependency must not reach the files that users install.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml/parse";

type Permissions = Readonly<Record<string, string>>;

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly "runs-on": string;
  readonly permissions?: Permissions;
  readonly needs?: string | readonly string[];
  readonly strategy?: { readonly matrix?: { readonly os?: readonly string[] } };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: { readonly push?: { readonly tags?: readonly string[] } };
  readonly permissions?: Permissions;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = new URL("../../.github/workflows/", import.meta.url);
const TAG_CHECK = `test "$GITHUB_REF_NAME" = "v$(jq -r .version deno.json)"`;
/** Commands that run code of this repository, of a registry, or of a tool without an exact version. */
const RUNS_CODE = /\bdeno (?!publish$)|\bnpx\b|\bnpm\b|\bnode\b|\bcurl\b|\bwget\b|\bpip\b|\.ci\/run|dist\/conductor/m;

const files = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name);
const texts = await Promise.all(files.map((name) => Deno.readTextFile(new URL(name, FOLDER))));
const workflows = files.map((name, index) => ({
  name,
  text: texts[index]!,
  workflow: parse(texts[index]!) as Workflow,
}));
const jobs = workflows.flatMap(({ name, workflow }) =>
  Object.entries(workflow.jobs).map(([id, job]) => ({ about: `${name}: ${id}`, job, workflow }))
);
const privileged = jobs.filter(({ job, workflow }) =>
  Object.values(job.permissions ?? workflow.permissions ?? { all: "write" }).includes("write")
);

function commandsOf({ steps }: Job): string {
  return steps.map(({ run = "" }) => run).join("\n");
}

/** Returns all jobs that must succeed before this one. */
function ancestorsOf(job: Job, workflow: Workflow): Job[] {
  const direct = [job.needs ?? []].flat().map((id) => workflow.jobs[id]!);
  return direct.flatMap((needed) => [needed, ...ancestorsOf(needed, workflow)]);
}

Deno.test("every action is pinned by its full commit and names the version, the same everywhere", () => {
  const used = new Map<string, string>();
  for (const { name, text } of workflows) {
    for (const line of text.split("\n").filter((line) => /\buses:/.test(line))) {
      const [, action, pin] = /uses: ([\w-]+\/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$/.exec(line) ?? [];
      assert(action !== undefined && pin !== undefined, `${name}: ${line.trim()}`);
      assertEquals(used.get(action) ?? pin, pin, `${name}: ${action}`);
      used.set(action, pin);
    }
  }
});

Deno.test("no job that may write or sign runs code of this repository or its dependencies", () => {
  assertEquals(privileged.map(({ about }) => about).sort(), [
    "pages.yml: pages",
    "publish.yml: jsr",
    "release.yml: release",
  ]);
  for (const { about, job } of privileged) assertEquals(RUNS_CODE.exec(commandsOf(job))?.[0], undefined, about);
});

Deno.test("a job that may write or sign needs read-only jobs that run all tests and check the tag", () => {
  for (const { about, job, workflow } of privileged) {
    const before = ancestorsOf(job, workflow);
    const commands = before.map(commandsOf).join("\n");
    assertMatch(commands, /^deno task ok$/m, about);
    if (workflow.on.push?.tags !== undefined) assert(commands.includes(TAG_CHECK), about);
    for (const { permissions } of before) assertEquals(permissions, { contents: "read" }, about);
  }
});

Deno.test("every workflow that a tag starts checks the tag against deno.json", () => {
  for (const { name, text, workflow } of workflows) {
    if (workflow.on.push?.tags !== undefined) assert(text.includes(TAG_CHECK), name);
  }
});

Deno.test("workflows have no default permissions except read access, and limit concurrent runs", () => {
  for (const { name, workflow } of workflows) {
    assert(["{}", `{"contents":"read"}`].includes(JSON.stringify(workflow.permissions)), name);
    assert(workflow.concurrency !== undefined, name);
  }
});

Deno.test("no workflow requests all permissions, exposes secrets to pull requests, or interpolates into a command", () => {
  for (const { name, text } of workflows) {
    const found = /pull_request_target|workflow_run|write-all|\bsecrets\.|secrets: inherit/.exec(text)?.[0];
    assertEquals(found, undefined, name);
  }
  for (const { about, job } of jobs) assert(!commandsOf(job).includes("${{"), about);
});

Deno.test("no published file is replaced, and files of a release are attested before they are uploaded", () => {
  for (const { name, text } of workflows) assert(!/--clobber|release delete|overwrite: true/.test(text), name);
  const { steps } = workflows.find(({ name }) => name === "release.yml")!.workflow.jobs.release!;
  const attest = steps.findIndex(({ uses }) => uses?.startsWith("actions/attest-build-provenance@"));
  const upload = steps.findIndex(({ run }) => run?.includes("gh release upload"));
  assert(0 <= attest && attest < upload);
  assertEquals(steps[attest]!.with, { "subject-path": "dist/*" });
});

Deno.test("runners and Deno have exact versions, and checkouts do not persist credentials", () => {
  for (const { about, job } of jobs) {
    for (const image of job.strategy?.matrix?.os ?? [job["runs-on"]]) assertMatch(image, /^[a-z]+-\d/, about);
    for (const { uses = "", with: options = {} } of job.steps) {
      if (uses.startsWith("actions/checkout@")) assertEquals(options["persist-credentials"], false, about);
      if (uses.startsWith("denoland/setup-deno@")) {
        assertMatch(String(options["deno-version"]), /^\d+\.\d+\.\d+$/, about);
      }
    }
  }
});
