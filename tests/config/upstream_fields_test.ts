/** Validation of TLS and HTTP/2 settings of backends. */

import { assertEquals } from "@std/assert";
import { ConfigError } from "@zeek/conductor";
import type { Service } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";

const BLOCK = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const NOTHING_SAID = { ca: undefined, serverName: undefined, insecure: false };

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
