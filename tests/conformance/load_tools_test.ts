/** Public load generators against the process: h2load (nghttp2) for HTTP/2 over TLS, slowhttptest for slow clients. */

import { assertStringIncludes } from "@std/assert";

import { canRun, hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { type CliProcess, startCli, tempConfig } from "../_support/cli_process.ts";
import { startBackend } from "../_support/servers.ts";

const hasH2load = canRun("h2load", ["--version"]);
const hasSlowhttptest = canRun("sh", ["-c", "command -v slowhttptest"]);
if (!hasH2load) console.warn("h2load is not installed (Debian: nghttp2-client): its tests are ignored");
if (!hasSlowhttptest) console.warn("slowhttptest is not installed (Debian: slowhttptest): its tests are ignored");

async function run(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args: [...args], stdin: "null", stderr: "null" }).output();
  // deno-lint-ignore no-control-regex
  return new TextDecoder().decode(stdout).replace(/\x1b\[[\d;]*m/g, "");
}

async function serve(args: readonly string[]): Promise<{ child: CliProcess; url: string }> {
  const child = startCli([...args, "--host", "127.0.0.1", "--port", "0"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  return { child, url };
}

// Columns: the name; the flags; the protocol in the report of h2load.
const H2LOAD: [name: string, flags: string[], protocol: string][] = [
  ["HTTP/2 streams", ["-m", "10"], "h2"],
  ["HTTP/1.1 requests", ["--h1"], "http/1.1"],
];

for (const [name, flags, protocol] of H2LOAD) {
  Deno.test({
    name: `h2load: 2,000 ${name} over TLS on ten connections all get 200`,
    ignore: !hasH2load || !hasOpenssl,
    fn: async () => {
      await using certificate = await makeCertificate();
      await using backend = startBackend();
      const path = `${certificate.folder}/config.yaml`;
      const tls = 'tls: { cert: "${file:cert.pem}", key: "${file:key.pem}" }';
      await Deno.writeTextFile(path, `${tls}\nservices: [{ name: a, url: "${backend.url}" }]\n`);
      const { child, url } = await serve(["--config", path]);
      await using _ = child;
      const report = await run("h2load", ["-n", "2000", "-c", "10", ...flags, `${url}/`]);
      assertStringIncludes(report, `Application protocol: ${protocol}`);
      assertStringIncludes(report, "2000 succeeded, 0 failed, 0 errored, 0 timeout");
      assertStringIncludes(report, "status codes: 2000 2xx");
    },
  });
}

// Columns: the name; the flag of slowhttptest.
const SLOW: [name: string, flag: string][] = [
  ["heads that never end", "-H"],
  ["bodies that never end", "-B"],
  ["responses that are read slowly", "-X"],
];

for (const [name, flag] of SLOW) {
  Deno.test({
    name: `slowhttptest: other clients are served next to 200 ${name}`,
    ignore: !hasSlowhttptest,
    fn: async () => {
      await using backend = startBackend(() => new Response("x".repeat(100_000)));
      await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
      const { child, url } = await serve(["--config", file.path]);
      await using _ = child;
      const limits = ["-c", "200", "-r", "200", "-i", "1", "-l", "3", "-p", "2"];
      assertStringIncludes(await run("slowhttptest", [flag, ...limits, "-u", `${url}/`]), "service available:   YES");
    },
  });
}
