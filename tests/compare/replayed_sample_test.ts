/** Samples from the admin API, sent again by their commands through a shell. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { curlCommand } from "../../src/admin/dashboard/curl.js";
import type { MismatchEntry } from "../../src/compare/mismatch_feed.ts";
import type { Report, RequestSample } from "../../src/compare/report.ts";
import { startWatched } from "../_support/cli_process.ts";
import { startBackend } from "../_support/servers.ts";

async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("the request of a mismatch can be sent again, without its secrets", async () => {
  await using old = startBackend(() => Response.json({ total: 1 }));
  await using next = startBackend(() => Response.json({ total: 2 }));
  await using conductor = await startWatched([
    { name: "v1", url: old.url, pathPrefix: "/api", primary: true },
    { name: "v2", url: next.url, pathPrefix: "/api", shadow: true },
  ], { compare: { redact: ["$.email"], noise: "off" } });
  const { url, adminUrl } = conductor;
  const body = JSON.stringify({
    email: "ada@example.com",
    items: [{ id: 7, note: "it's $(id)" }],
    password: "hunter2",
  });
  const target = "/api/orders/it's?x=%20a&token=hunter2";
  await (await fetch(url + target, {
    method: "POST",
    headers: { "content-type": "application/json", "authorization": "Bearer hunter2", "x-plain": "a 'b'" },
    body,
  })).body?.cancel();

  const text = await until(async () => {
    const lines = await (await fetch(`${adminUrl}api/mismatches`)).text();
    return lines === "" ? undefined : lines;
  });
  const entry: MismatchEntry = JSON.parse(text);
  const reportText = await (await fetch(`${adminUrl}api/report`)).text();
  const report: Report = JSON.parse(reportText);
  const request = entry.request as RequestSample;
  assert(![text, reportText].some((shown) => shown.includes("hunter2") || shown.includes("example.com")));
  assertEquals([...report.mismatches, ...report.undecided][0]?.samples[0]?.request, request);
  assertMatch(request.target, /^\/api\/orders\/it's\?x=%20a&token=\[redacted [0-9a-f]{4}\]$/);

  const { method } = entry;
  const { origin, headers } = request;
  const command = curlCommand({ method, path: request.target, headers, body: request.body! }, origin);
  const { success, stderr } = await new Deno.Command("sh", { args: ["-c", `${command} --silent --output /dev/null`] })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  const { method: sentMethod, target: sent, ...second } = old.seen[1]!;
  assertEquals(sentMethod, "POST");
  assertMatch(sent, /^\/api\/orders\/it's\?x=%20a&token=\[redacted%20[0-9a-f]{4}\]$/);
  assertEquals(second.headers.get("x-plain"), "a 'b'");
  assertEquals(JSON.parse(second.body).items, JSON.parse(body).items);
});

Deno.test("samples: none keeps no request", async () => {
  await using old = startBackend(() => Response.json({ total: 1 }));
  await using next = startBackend(() => Response.json({ total: 2 }));
  await using conductor = await startWatched([
    { name: "v1", url: old.url, pathPrefix: "/api", primary: true },
    { name: "v2", url: next.url, pathPrefix: "/api", shadow: true },
  ], { compare: { samples: "none", noise: "off" } });
  await (await fetch(`${conductor.url}/api?x=planted`, { method: "POST", body: "planted" })).body?.cancel();
  const text = await until(async () => {
    const lines = await (await fetch(`${conductor.adminUrl}api/mismatches`)).text();
    return lines === "" ? undefined : lines;
  });
  assertEquals(JSON.parse(text).request, undefined);
  assert(!text.includes("planted"));
});
