import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { VersionPages } from "../../src/compare/version_pages.ts";
import type { Service } from "../../src/config/config.ts";
import type { ServiceInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startBackend } from "../_support/servers.ts";
import { TRANSPORTS } from "../_support/transports.ts";

const PATH = "/status?form=short";

function serviceOf(input: Omit<ServiceInput, "name">): Service {
  const { config } = validateConfig({ services: [{ name: "v2", ...input }] });
  return config.routes[0]!.members[0]!.service;
}

for (const [over, create] of TRANSPORTS) {
  Deno.test(`a version page is requested again after 10 seconds, like a client would, over ${over}`, async () => {
    let version = "1.0";
    await using backend = startBackend(() => Response.json({ version, other: 1 }));
    let nowMs = 0;
    const pages = new VersionPages({ transport: create(), now: () => nowMs });
    const service = serviceOf({ url: `${backend.url}/base`, headers: { "x-key": "k" } });
    const versionAt = (timeMs: number) => pages.versionAt(timeMs, service, PATH);
    assertEquals(versionAt(0), undefined);
    while (versionAt(0) === undefined) await delay(1);
    assertEquals(versionAt(0), "1.0");
    assertEquals(backend.seen.map(({ method, target, headers }) => [method, target, headers.get("x-key")]), [
      ["GET", `/base${PATH}`, "k"],
    ]);

    version = "1.1";
    nowMs = 9_999;
    assertEquals([versionAt(nowMs), backend.seen.length], ["1.0", 1]);
    nowMs = 10_000;
    while (versionAt(nowMs) === "1.0") await delay(1);
    // A response from before the deployment is not one of the new version.
    assertEquals([versionAt(9_999), versionAt(10_000), backend.seen.length], ["1.0", "1.1", 2]);
  });

  Deno.test(`a version is a short text or a field of JSON, in a page of bounded size and time, over ${over}`, async () => {
    const endless = (pauseMs: number) =>
      new Response(ReadableStream.from((async function* () {
        for (;;) {
          yield new TextEncoder().encode("1");
          await delay(pauseMs);
        }
      })()));
    const rows: readonly (readonly [page: () => Response, version: string | undefined])[] = [
      [() => new Response("  1.10\n"), "1.10"],
      [() => new Response('"v7"'), "v7"],
      [() => Response.json({ version: 12 }), "12"],
      [() => new Response(ReadableStream.from([new TextEncoder().encode("2."), new TextEncoder().encode("1")])), "2.1"],
      [() => Response.json({ version: { major: 1 } }), undefined],
      [() => Response.json({ status: "ok" }), undefined],
      [() => Response.json(["1.0"]), undefined],
      [() => Response.json(null), undefined],
      [() => new Response("<html>1.0</html>"), undefined],
      [() => new Response("line 1\nline 2"), undefined],
      [() => new Response("x".repeat(65)), undefined],
      [() => new Response(""), undefined],
      [() => new Response(null, { status: 204 }), undefined],
      [() => new Response("1.0", { status: 404 }), undefined],
      [() => new Response("1.0", { status: 302, headers: { location: "/" } }), undefined],
      [() => new Response(`{"version":"1.0"${" ".repeat(20_000)}}`), undefined],
      [() => endless(0), undefined],
      [() => endless(10), undefined],
    ];
    await Promise.all(rows.map(async ([page, version], index) => {
      await using backend = startBackend(page);
      let nowMs = 0;
      const pages = new VersionPages({ transport: create(), now: () => nowMs, timeoutMs: 300 });
      const service = serviceOf({ url: backend.url });
      // The second request starts after the first has ended.
      while (backend.seen.length < 2) {
        pages.versionAt(nowMs, service, PATH);
        nowMs += 10_000;
        await delay(2);
      }
      assertEquals(pages.versionAt(nowMs, service, PATH), version, `row ${index}`);
      await delay(320);
    }));
  });

  Deno.test(
    `comparisons are counted by the version of a page over TLS, over ${over}`,
    { ignore: !hasOpenssl },
    async () => {
      await using certificate = await makeCertificate();
      const { cert, key } = certificate;
      let isNew = false;
      await using v1 = startBackend(() => Response.json({ a: 1 }));
      await using v2 = Deno.serve(
        { port: 0, cert, key, onListen() {} },
        ({ url }) =>
          new URL(url).pathname === "/version"
            ? new Response(isNew ? "2.1" : "2.0")
            : Response.json({ a: isNew ? 1 : 2 }),
      );
      let skippedMs = 0;
      let compared = 0;
      let wake = () => {};
      const comparisons = new ComparisonStore({
        now: () => Date.now() + skippedMs,
      });
      const { config } = validateConfig({
        compare: { noise: "off", version: "path:/version" },
        services: [
          { name: "v1", url: v1.url, primary: true },
          { name: "v2", url: `https://localhost:${v2.addr.port}`, tls: { ca: cert }, shadow: true },
        ],
      });
      const handle = createHandler(config, {
        comparisons,
        transport: create(),
        now: () => performance.now() + skippedMs,
        observe: ({ type }) => {
          if (type === "compared") compared++;
          wake();
        },
      });
      const send = async () => {
        const before = compared;
        await (await handle(new Request("http://conductor/"))).text();
        while (compared === before) await new Promise<void>((resolve) => wake = resolve);
        return makeReport(comparisons.read(0).stats!).services[0]!;
      };
      while ((await send()).build !== "2.0");
      isNew = true;
      // The time must not pass within a comparison, which would count as busy for all of it.
      await delay(0);
      skippedMs += 10_000;
      while ((await send()).build !== "2.1");
      const { verdict, otherBuilds } = await send();
      assertEquals(verdict, "not-enough-traffic");
      assertEquals(otherBuilds.map(({ build }) => build), ["2.0", ""]);
    },
  );
}
