/** Runs the migration on free ports, in less than a minute: `deno task migration`. */
import { fileURLToPath } from "node:url";
import { sendTraffic } from "./traffic.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const conductor = ["--allow-read", "--config", here("../../deno.json"), here("../../cli.ts")];
const running: Deno.ChildProcess[] = [];

function run(args: readonly string[], stdout: "piped" | "inherit"): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", "--allow-net", ...args], stdout }).spawn();
}

/** Starts a server, and returns the URLs in its first output. */
async function start(...args: readonly string[]): Promise<string[]> {
  const child = run(args, "piped");
  running.push(child);
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    return text.match(/http:\/\/[^:]+:\d+/g) ?? [];
  }
  throw new Error(`Cannot start: ${args.join(" ")}`);
}

/** Sends traffic, prints the report, and returns its exit code. */
async function migrate(...flags: readonly string[]): Promise<number> {
  const config = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const [v1 = ""] = await start(here("v1.ts"), "0");
    const [v2 = ""] = await start(here("v2.ts"), "0", ...flags);
    const text = (await Deno.readTextFile(here("config.yaml"))).replaceAll(/\b[89]0[89]0\b/g, "0");
    await Deno.writeTextFile(config, text.replace(/http:.*1$/m, v1).replace(/http:.*2$/m, v2));
    const [url = "", admin = ""] = await start(...conductor, "--config", config);
    await sendTraffic(url, 3_000);
    // Comparisons run in the background, so the last ones follow the traffic.
    // Both versions share this machine with the traffic, so their times mean little.
    const reportArgs = ["report", "--admin", admin, "--max-latency-ratio", "100", "--wait", "10s"];
    console.log(`\n$ conductor ${reportArgs.join(" ")}`);
    const { code } = await run([...conductor, ...reportArgs], "inherit").status;
    console.log(`\nexit code ${code}`);
    return code;
  } finally {
    for (const child of running.splice(0)) child.kill();
    await Deno.remove(config);
  }
}

console.log("v2 with its regressions");
const before = await migrate();
console.log("\nv2 fixed");
const after = await migrate("--fixed");
Deno.exit(before === 1 && after === 0 ? 0 : 1);
