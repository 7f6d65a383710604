/** loadConfig() of the library. The reader that it shares with the command line has tests in tests/config/load_test.ts. */

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { conductor, ConfigError, createConductor, loadConfig } from "../../mod.ts";
import { viewConfig } from "../../src/admin/config_view.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startBackend } from "../_support/servers.ts";

const SECRET = "s3cret-of-the-file";

async function tempFile(text: string): Promise<AsyncDisposable & { readonly path: string; readonly folder: string }> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/token`, `${SECRET}\n`);
  await Deno.writeTextFile(`${folder}/config.yaml`, text);
  return {
    folder,
    path: `${folder}/config.yaml`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("loadConfig() gives conductor() and createConductor() a configuration with resolved placeholders", async () => {
  await using backend = startBackend(() => new Response("hello"));
  await using file = await tempFile(`
timeout: 2s
services:
  - name: api
    url: ${backend.url}
    headers: { Authorization: "Bearer \${file:token}" }
`);
  const config = await loadConfig(file.path);
  await (await conductor(config)(new Request("http://localhost/x"))).text();
  await using embedded = createConductor({ ...config, timeout: "3s" });
  await (await embedded.fetch(new Request("http://localhost/x"))).text();
  await backend.received(2);
  for (const { headers } of backend.seen) assertEquals(headers.get("authorization"), `Bearer ${SECRET}`);
  const shown = await (await embedded.admin(new Request("http://localhost/config"))).text();
  assertStringIncludes(shown, '"timeoutMs":3000');
  assert(!shown.includes(SECRET), shown);
});

Deno.test("loadConfig() refuses an invalid file with all problems and their lines, without secrets", async () => {
  await using file = await tempFile('port: "${file:token}"\nservices:\n  - name: a\n    url: nowhere\n');
  const { message, problems } = await assertRejects(() => loadConfig(file.path), ConfigError);
  assertEquals(problems.map(({ path, line }) => [path, line]), [["port", 1], ["services[0].url", 4]]);
  assert(!message.includes(SECRET), message);
  const { message: absent } = await assertRejects(() => loadConfig(`${file.folder}/none.yaml`), ConfigError);
  assertStringIncludes(absent, "cannot be read: no such file");
});

Deno.test("problems that conductor() finds in a loaded configuration have the line in the file", async () => {
  await using file = await tempFile("services: \n  - name: a\n    url: http://a\nport: 8080\n");
  const config = await loadConfig(file.path);
  const { problems } = assertThrows(() => conductor(config), ConfigError);
  assertEquals(problems.map(({ path, line }) => [path, line]), [["port", 4]]);
});

Deno.test("changed copies of a loaded configuration keep lines and secrets of what was loaded, and no others", async () => {
  const services = `services:
  - name: a
    url: "http://\${file:token}.example"
    headers: { X-Token: "\${file:token}" }
    path: /a
  - name: b
    url: http://b.example
    path: /b
`;
  await using file = await tempFile(services);
  const config = await loadConfig(file.path);
  assert(Object.isFrozen(config) && Object.isFrozen(config.services[0]));
  const [a, b] = config.services;
  const added = { name: "c", url: "http://c.example", path: "/c" };

  // Services that were moved keep their lines; a changed copy of a service has none.
  const renamed = { ...config, services: [added, b!, a!, { ...b!, path: "/d" }] };
  const { problems } = assertThrows(() => conductor(renamed), ConfigError);
  assertEquals(problems.map(({ path, line }) => [path, line]), [["services[3].name", undefined]]);
  const twice = assertThrows(() => conductor({ ...config, services: [added, b!, b!] }), ConfigError);
  assertEquals(twice.problems.map(({ path, line }) => [path, line])[0], ["services[2].name", 6]);

  const { config: checked } = validateConfig({ ...config, services: [added, a!] });
  assertEquals(checked.services.map(({ shown }) => shown.url), ["http://c.example", "http://${file:token}.example"]);
  assert(!JSON.stringify(viewConfig(checked)).includes(SECRET));

  // A copied service has lost its templates, but its texts still are secrets.
  const moved = { ...config, services: [{ ...a!, url: a!.url, timeout: SECRET as "1s" }] };
  const { message } = assertThrows(() => conductor(moved), ConfigError);
  assertStringIncludes(message, "services[0].timeout");
  assert(!message.includes(SECRET), message);
  const { config: copied } = validateConfig({ ...config, services: [{ ...a! }] });
  assert(!JSON.stringify(viewConfig(copied)).includes(SECRET));

  // Placeholders of values that were not loaded are not resolved, and must not be sent as text.
  const unresolved = { ...config, services: [{ ...added, headers: { A: "${file:token}" } }] };
  assertStringIncludes(assertThrows(() => conductor(unresolved), ConfigError).message, "services[0].headers.A");
});

Deno.test({
  name: "loadConfig() names field, line and file of certificates and keys that cannot be used",
  ignore: !hasOpenssl,
  async fn(t) {
    await using one = await makeCertificate();
    await using other = await makeCertificate();
    const malformed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const broken = malformed.replaceAll("CERTIFICATE", "PRIVATE KEY");
    const rows: readonly (readonly [cert: string, key: string, ca: string, problem: string])[] = [
      [one.cert, other.key, one.cert, 'tls.key: is not the private key of `cert`, in the file "key.pem" (line 3)'],
      [malformed, one.key, one.cert, 'tls.cert: is not a readable certificate, in the file "cert.pem" (line 2)'],
      [one.cert.slice(0, 200) + "\n-----END CERTIFICATE-----\n", one.key, one.cert, "tls.cert: is not a readable"],
      [one.cert, broken, one.cert, 'tls.key: is not a readable private key, in the file "key.pem" (line 3)'],
      [
        one.cert,
        one.key,
        one.cert + malformed,
        'services[0].tls.ca: has a certificate that is not readable, in the file "ca.pem" (line 8)',
      ],
    ];
    await using file = await tempFile(`tls:
  cert: "\${file:cert.pem}"
  key: "\${file:key.pem}"
services:
  - name: a
    url: https://a
    tls:
      ca: "\${file:ca.pem}"
`);
    const install = async (files: Record<string, string>) => {
      for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${file.folder}/${name}.pem`, text);
    };
    for (const [cert, key, ca, problem] of rows) {
      await t.step(problem, async () => {
        await install({ cert, key, ca });
        const { message } = await assertRejects(() => loadConfig(file.path), ConfigError);
        assertStringIncludes(message, problem);
        assert(!message.includes("AAAA"), message);
      });
    }
    await install({ cert: one.cert, key: one.key, ca: one.cert });
    await loadConfig(file.path);
  },
});
