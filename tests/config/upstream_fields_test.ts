/** Validation of TLS and HTTP/2 settings of backends. */

import { assertEquals } from "@std/assert";
import { ConfigError } from "@zeek/conductor";
import type { Service } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";

const BLOCK = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const NOTHING_SAID = { ca: undefined, serverName: undefined, insecure: false, cert: undefined, key: undefined };
const KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

/** Fields of a service, and the settings. */
const SOUND: readonly (readonly [fields: Record<string, unknown>, tls: Service["tls"], http2?: boolean])[] = [
  [{ url: "https://a" }, undefined],
  [{ url: "https://a", tls: {} }, NOTHING_SAID],
  [{ url: "https://a", tls: { ca: BLOCK } }, { ...NOTHING_SAID, ca: BLOCK }],
  [{ url: "https://a", tls: { serverName: "b" } }, { ...NOTHING_SAID, serverName: "b" }],
  [{ url: "https://10.0.0.1", tls: { serverName: "xn--bcher-kva.example", insecure: false } }, {
    ...NOTHING_SAID,
    serverName: "xn--bcher-kva.example",
  }],
  [{ url: "https://a", tls: { insecure: true } }, { ...NOTHING_SAID, insecure: true }],
  [{ url: "https://a", tls: { insecure: true, serverName: "b" } }, {
    ...NOTHING_SAID,
    insecure: true,
    serverName: "b",
  }],
  [{ url: "https://a", http2: true, tls: { ca: BLOCK } }, { ...NOTHING_SAID, ca: BLOCK }, true],
  [{ url: "http://a", http2: true }, undefined, true],
  [{ url: "https://a", tls: { cert: BLOCK, key: KEY } }, { ...NOTHING_SAID, cert: BLOCK, key: KEY }],
  [{ url: "unix:/run/app.sock", http2: true }, undefined, true],
];

for (const [fields, tls, http2 = false] of SOUND) {
  Deno.test(`validateConfig() accepts ${JSON.stringify(fields)}`, () => {
    const { config, warnings } = validateConfig({ services: [{ name: "a", ...fields }] });
    assertEquals(config.services.map((service) => [service.tls, service.http2]), [[tls, http2]]);
    assertEquals(
      warnings,
      tls?.insecure
        ? ['services[0].tls.insecure: the certificate of "a" is not verified: any server can impersonate it']
        : [],
    );
  });
}

/** Fields of a service, and the beginning of its problem. */
const BROKEN: readonly (readonly [fields: Record<string, unknown>, problem: string])[] = [
  [{ url: "http://a", tls: { ca: BLOCK } }, "tls: requires an https `url`"],
  [{ url: "http://a", tls: { insecure: true } }, "tls: requires an https `url`"],
  [{ url: "http://a", tls: {} }, "tls: requires an https `url`"],
  [{ url: "https://a", tls: { ca: "ca.pem" } }, "tls.ca: must be the PEM text of a certificate"],
  [{ url: "https://a", tls: { ca: BLOCK, insecure: true } }, "tls.insecure: cannot be combined with `ca`"],
  [{ url: "https://a", tls: { insecure: "perhaps" } }, "tls.insecure: must be true or false"],
  ...["", "10.0.0.1", "::1", "b:443", "b.", "-b", "a..b", "bücher.example", "x".repeat(64), 7].map((serverName) =>
    [{ url: "https://a", tls: { serverName } }, "tls.serverName: must be a DNS name"] as const
  ),
  [{ url: "https://a", http2: true, tls: { serverName: "b" } }, "tls.serverName: cannot be combined with `http2`"],
  [{ url: "https://a", http2: true, tls: { insecure: true } }, "tls.insecure: cannot be combined with `http2`"],
  [{ url: "https://a", http2: true, host: "preserve" }, 'host: must be "target" with `http2`'],
  [{ url: "https://a", http2: "h2" }, "http2: must be true or false"],
  [{ url: "https://a", tls: { cert: BLOCK } }, "tls.key: is required with `cert`"],
  [{ url: "https://a", tls: { key: KEY } }, "tls.cert: is required with `key`"],
  [{ url: "https://a", tls: { cert: BLOCK, key: "key.pem" } }, "tls.key: must be the PEM text of a private key"],
  [
    { url: "https://a", tls: { cert: BLOCK, key: KEY, serverName: "b" } },
    "tls.serverName: cannot be combined with `cert`",
  ],
  [{ url: "unix:/run/app.sock", tls: {} }, "tls: requires an https `url`"],
  ...["unix:app.sock", "unix:", "unix:/", "http+unix://run/app.sock", "http+unix://%2", `unix:/${"x".repeat(103)}`]
    .map((url) => [{ url }, "url: must be an absolute path of a Unix socket"] as const),
];

for (const [fields, problem] of BROKEN) {
  Deno.test(`validateConfig() rejects ${JSON.stringify(fields)}`, () => {
    try {
      validateConfig({ services: [{ name: "a", ...fields }] });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assertEquals(error.problems.length, 1, error.message);
      assertEquals(`${error.problems[0]!.path}: ${error.problems[0]!.message}`.slice(12, 12 + problem.length), problem);
      return;
    }
    throw new Error("No problem was found");
  });
}

/** URLs of Unix sockets, and the parts that requests use. */
const SOCKETS: readonly (readonly [url: string, origin: string, basePath: string, shown: string])[] = [
  ["unix:/run/app.sock", "http+unix://%2Frun%2Fapp.sock", "", "unix:/run/app.sock"],
  ["unix:///run/app.sock", "http+unix://%2Frun%2Fapp.sock", "", "unix:/run/app.sock"],
  ["unix:/run/a%20b", "http+unix://%2Frun%2Fa%2520b", "", "unix:/run/a%20b"],
  [
    "http+unix://%2Frun%2Fapp.sock/base/",
    "http+unix://%2Frun%2Fapp.sock",
    "/base",
    "http+unix://%2Frun%2Fapp.sock/base",
  ],
  [
    "http+unix://%2Frun%2Fapp.sock//evil",
    "http+unix://%2Frun%2Fapp.sock",
    "//evil",
    "http+unix://%2Frun%2Fapp.sock//evil",
  ],
];

for (const [url, origin, basePath, shown] of SOCKETS) {
  Deno.test(`validateConfig() reads ${url} as the URL of a Unix socket`, () => {
    const [service] = validateConfig({ services: [{ name: "a", url }] }).config.services;
    assertEquals([service?.origin, service?.basePath, service?.shown.url], [origin, basePath, shown]);
  });
}

/** Top-level fields of listeners on Unix sockets, and all problems. */
const LISTENERS: readonly (readonly [fields: Record<string, unknown>, problems: readonly string[]])[] = [
  [{ hostname: "unix:/run/a.sock", socketMode: "0660", admin: { hostname: "unix:/run/b.sock" } }, []],
  [{ hostname: "unix:/run/a.sock", trustProxy: ["unix"] }, []],
  [{ hostname: "unix:a.sock" }, ["hostname: must be an absolute path of a Unix socket"]],
  [{ socketMode: "0660" }, ["socketMode: requires a Unix socket as `hostname`"]],
  [{ hostname: "unix:/a", socketMode: 660 }, ["socketMode: must be three octal digits in quotes"]],
  [{ hostname: "unix:/a", tls: { cert: BLOCK, key: KEY } }, ["tls: cannot be combined with a Unix socket"]],
  [{ admin: {} }, ["admin.port: is required"]],
  [{ admin: { port: 70_000 } }, ["admin.port: must be a whole number"]],
  [{ hostname: "unix:/a", admin: { hostname: "unix:/a" } }, ["admin.hostname: must differ from the `hostname`"]],
];

for (const [fields, problems] of LISTENERS) {
  Deno.test(`validateConfig() checks the listeners of ${JSON.stringify(fields).slice(0, 80)}`, () => {
    const found = problemsOf({ ...fields, services: [{ name: "a", url: "http://a" }] });
    assertEquals(found.length, problems.length, found.join("\n"));
    for (const [index, problem] of problems.entries()) {
      assertEquals(found[index]!.startsWith(problem), true, found[index]);
    }
  });
}

function problemsOf(input: unknown): string[] {
  try {
    validateConfig(input);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}
