import { assert, assertEquals, assertGreater, assertLessOrEqual, assertStringIncludes } from "@std/assert";

import type { StateView } from "../../src/admin/api.ts";
import type { ExchangeRecord } from "../../src/observe/exchange_record.ts";
import { pageTest, violationsOf, visit } from "../_support/page_test.ts";
import { exchangeRaw, startBackend } from "../_support/servers.ts";
import { startWatched, type WatchedConductor } from "../_support/cli_process.ts";

/** Backends of a shop whose shadow fails, and conductor in front of them. */
async function openShop() {
  const primary = startBackend(async (request) => {
    // A slow response has an axis with long numbers.
    if (request.url.includes("/long/")) await new Promise((resolve) => setTimeout(resolve, 300));
    return new Response("blue", { headers: { "set-cookie": "id=secret-cookie" } });
  });
  const standby = startBackend(() => new Response("green"));
  const shadow = startBackend(() => new Response("canary", { status: 500 }));
  const conductor = await startWatched([
    { name: "blue", url: primary.url, pathPrefix: "/api", primary: true },
    { name: "green", url: standby.url, pathPrefix: "/api" },
    { name: "canary", url: shadow.url, pathPrefix: "/api", shadow: true },
    { name: "web", url: standby.url, pathPrefix: "/web" },
  ], { wait: "primary" });
  return {
    conductor,
    primary,
    async [Symbol.asyncDispose]() {
      await conductor[Symbol.asyncDispose]();
      await Promise.all([primary, standby, shadow].map((backend) => backend[Symbol.asyncDispose]()));
    },
  };
}

/** Sends requests until disposal, few enough per second that all of them are recorded. */
function keepSending({ url }: WatchedConductor, paths: readonly string[]): AsyncDisposable {
  let isStopped = false;
  const sent = (async () => {
    while (!isStopped) {
      for (const path of paths) {
        const response = await fetch(url + path, { headers: { authorization: "Bearer secret-token" } });
        await response.body?.cancel();
      }
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  })();
  // After a failed test, the end of conductor rejects a request.
  sent.catch(() => {});
  return {
    [Symbol.asyncDispose]: () => {
      isStopped = true;
      return sent;
    },
  };
}

pageTest(
  "the dashboard shows a first command, follows real traffic, hides secrets, and sends no request elsewhere",
  async () => {
    await using shop = await openShop();
    const { conductor } = shop;
    await using visited = await visit(conductor.adminUrl);
    const { page, complaints, requests } = visited;
    await page.getByText(`curl ${conductor.url}/api`).waitFor();

    const traffic = keepSending(conductor, ["/api/tea", "/web/"]);
    await page.getByRole("button", { name: /^Route \/api prefix [\d.]+\/s · 100\s?% · / }).waitFor();
    await page.getByRole("button", { name: /^Service blue [\d.]+\/s · .*, healthy$/ }).waitFor();
    await page.getByRole("button", { name: /^Service canary .*, failing$/ }).waitFor();
    assertEquals(await page.locator(".edge.shadow[data-health=failing]").count(), 1);
    assertEquals(await page.locator("#services > li").count(), 4);
    assertEquals(await page.locator("#connection").innerText(), "Live");
    await traffic[Symbol.asyncDispose]();

    const exchange = page.locator(".exchange", { hasText: "/api/tea" }).first();
    const bars = exchange.locator(".attempt > .visually-hidden");
    // All rows move while the exchanges of the last moment arrive.
    await bars.nth(2).waitFor({ state: "attached" });
    assertEquals((await bars.allInnerTexts()).map((bar) => bar.replace(/ after .*?ms/, "")), [
      "blue, primary, response 200, selected",
      "green, secondary, response 200",
      "canary, shadow, response 500, which counts as a failure",
    ]);

    // By keyboard, because a row that moves down the list can evade the pointer.
    await exchange.locator(".exchange-open").press("Enter");
    const detail = page.getByRole("dialog");
    await detail.getByText("authorization").waitFor();
    const text = await detail.innerText();
    assertStringIncludes(text, "/api/tea");
    assertStringIncludes(text, "Response 500, which counts as a failure.");
    assert(!(await page.content()).includes("secret-"));
    await page.keyboard.press("Escape");
    await detail.waitFor({ state: "hidden" });

    assertEquals(requests.filter((url) => !url.startsWith(conductor.adminUrl)), []);
    assertEquals(complaints, []);
  },
);

pageTest(
  "the dashboard shows a killed primary within two states, and the end of conductor",
  async () => {
    await using shop = await openShop();
    const { conductor, primary } = shop;
    await using visited = await visit(conductor.adminUrl);
    const { page } = visited;
    {
      await using _traffic = keepSending(conductor, ["/api/tea"]);
      await page.getByRole("button", { name: /^Service blue .*, healthy$/ }).waitFor();
      // Each state adds a point to the charts.
      const points = `document.querySelector("#overview .chart-line.rate").getAttribute("d").split("L").length`;
      await primary[Symbol.asyncDispose]();
      const before = await page.evaluate<number>(points);
      await page.locator(".edge.primary:is([data-health=failing], [data-health=degraded])").waitFor({
        state: "attached",
      });
      // One more state may have arrived during the evaluation.
      assertLessOrEqual(await page.evaluate<number>(points) - before, 3);
      await page.getByRole("button", { name: /^Service blue .*, failing$/ }).waitFor();
      const fallback = page.locator(".exchange[data-outcome=fallback]").first();
      await fallback.waitFor();
      // `innerText` would be empty below the window, where nothing is laid out.
      assertStringIncludes(await fallback.textContent() ?? "", "from green, a fallback");
      const failed = await fallback.locator(".attempt[data-state=failed] .attempt-label").first().textContent();
      assertEquals(failed, "refused");
    }
    conductor.process.kill("SIGKILL");
    await page.getByText("Connection lost").waitFor();
    await page.getByRole("alert").getByText("conductor does not respond").waitFor();
  },
);

pageTest("the map filters and the button pauses the dashboard, with the keyboard alone", async () => {
  await using shop = await openShop();
  await using visited = await visit(shop.conductor.adminUrl);
  const { page } = visited;
  const traffic = keepSending(shop.conductor, ["/api/tea", "/web/"]);
  await page.locator(".exchange", { hasText: "/api/tea" }).first().waitFor();

  await page.getByRole("button", { name: /^Service web .*, healthy$/ }).focus();
  await page.keyboard.press("Enter");
  assertEquals(await page.locator(".exchange", { hasText: "/api/tea" }).count(), 0);
  assertGreater(await page.locator(".exchange", { hasText: "/web/" }).count(), 0);
  assertEquals(await page.locator("#filter-service").inputValue(), "web");
  await page.getByRole("button", { name: "Clear" }).press("Enter");
  await page.locator(".exchange", { hasText: "/api/tea" }).first().waitFor();

  await page.getByRole("button", { name: "Pause" }).press("Enter");
  const shown = await page.locator("#waterfall").textContent();
  await page.getByText(/\d+ new, paused/).waitFor();
  assertEquals(await page.locator("#waterfall").textContent(), shown);
  await traffic[Symbol.asyncDispose]();
  await page.getByRole("button", { name: "Resume" }).press("Enter");
  await (await fetch(`${shop.conductor.url}/api/afterwards`)).body?.cancel();
  await page.locator(".exchange", { hasText: "/api/afterwards" }).waitFor({ state: "attached" });

  const first = page.locator(".exchange-open").first();
  await first.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
});

pageTest("a click on a paused list opens the exchange under the pointer", async () => {
  await using shop = await openShop();
  const { conductor } = shop;
  await using visited = await visit(conductor.adminUrl);
  const { page } = visited;
  for (const name of ["first", "second"]) await (await fetch(`${conductor.url}/api/${name}`)).text();
  const first = page.locator(".exchange-open", { hasText: "/api/first" });
  await page.locator(".exchange", { hasText: "/api/second" }).waitFor();
  await first.hover();
  await (await fetch(`${conductor.url}/api/third`)).text();
  await page.getByText("1 new, paused").waitFor();
  await first.click();
  await page.getByRole("dialog").getByText("/api/first").waitFor();
  assertEquals(await page.locator(".exchange", { hasText: "/api/third" }).count(), 0);
});

const EVIL = `<img src=x onerror="alert(1)">`;
const FAR = "https://elsewhere.example/";

pageTest("hostile paths, header lines and names stay text on the dashboard", async () => {
  await using shop = await openShop();
  const { conductor } = shop;
  await using visited = await visit(conductor.adminUrl);
  const { page, complaints, requests } = visited;
  const path = `/api/"><script>alert(1)</script>`;
  const { port } = new URL(conductor.url);
  const response = await exchangeRaw(
    Number(port),
    `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Evil: ${EVIL}\r\nConnection: close\r\n\r\n`,
  );
  assertStringIncludes(response, "200 OK");
  await page.locator(".exchange-open").first().click();
  await page.getByRole("dialog").getByText(EVIL).waitFor();
  assertStringIncludes(await page.getByRole("dialog").innerText(), "<script>alert(1)</script>");

  await using scripted = await visit(conductor.adminUrl, { events: scriptedEvents() });
  const names = [`${EVIL}\\u202e`, `route ${EVIL}`];
  await scripted.page.getByRole("button", { name: `Service ${names[0]}`, exact: false }).waitFor();
  await scripted.page.locator(".exchange").first().waitFor();
  assertStringIncludes(await scripted.page.locator(".exchange").first().innerText(), EVIL);
  await scripted.page.locator(".exchange-open").first().click();
  await scripted.page.getByRole("dialog").waitFor();

  for (const each of [page, scripted.page]) {
    assertEquals(await each.locator("img, body script, iframe, body style, a[href^=http]").count(), 0);
  }
  assertEquals([...requests, ...scripted.requests].filter((url) => !url.startsWith(conductor.adminUrl)), []);
  assertEquals(complaints, []);
});

/** Events with names that no valid configuration has. */
function scriptedEvents(): string {
  const service = `${EVIL}\u202e`;
  const route = `pathPrefix ${EVIL}`;
  const percentiles = { p50Ms: 1, p95Ms: 1, p99Ms: 1, maxMs: 1 };
  const latency = { ...percentiles, sinceStart: percentiles };
  const about = { route, responses: { "2xx": 1 }, inFlight: 0, duration: { count: 1, sumMs: 1 }, ...latency };
  const state = (second: number): StateView => ({
    version: EVIL,
    timeMs: 1_000 * second,
    draining: false,
    workers: { count: 1, crashes: 0 },
    process: {},
    url: `${FAR}${EVIL}`,
    total: latency,
    services: [{ name: service, origin: FAR + EVIL, ...latency }],
    routes: [{ route, members: [{ service, role: "primary" }] }],
    comparing: false,
    metrics: {
      startedMs: 1,
      lastRequestMs: 1,
      routes: [{
        ...about,
        refusals: {},
        fallbacks: 0,
        localReplies: 0,
        interrupted: 0,
        requestBytes: 0,
        responseBytes: 0,
        tunnels: 0,
        tunnelsOpened: 0,
        tunnelClientBytes: 0,
        tunnelServiceBytes: 0,
        tunnelDuration: { count: 0, sumMs: 0 },
      }],
      services: [{
        ...about,
        service,
        role: "primary",
        failedResponses: 0,
        failures: {},
        skips: {},
        comparisons: {},
        notComparable: {},
        selected: 1,
        hedgesSent: 0,
        hedgesWon: 0,
        replays: 0,
      }],
      states: [{ service }],
    },
  });
  const exchange: ExchangeRecord = {
    id: 1,
    requestId: EVIL,
    timeMs: 1_000,
    method: EVIL,
    path: EVIL,
    route,
    headers: [[EVIL, EVIL]],
    status: 200,
    service,
    fallback: false,
    durationMs: 1,
    attempts: [{
      service,
      role: "primary",
      startMs: 0,
      endMs: 1,
      success: true,
      status: 200,
      hedge: false,
      selected: true,
      headers: [[EVIL, EVIL]],
    }],
  };
  const events = [["state", state(1)], ["state", state(2)], ["exchanges", { last: 1, exchanges: [exchange] }]];
  return events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");
}

pageTest("the details of an exchange fit a phone, for every length of the time axis", async () => {
  await using shop = await openShop();
  await using visited = await visit(shop.conductor.adminUrl, { width: 390 });
  const widths = await visited.page.evaluate<Record<string, number>>(`(async () => {
    const { showDetail } = await import(new URL("./detail.js", document.querySelector("script[src]").src).href);
    const dialog = document.querySelector("dialog");
    const attempt = { service: "blue", role: "primary", startMs: 0, status: 200, selected: true, hedge: false };
    const widths = {};
    for (const durationMs of [1, 18, 180, 780, 1800, 18000, 180000]) {
      const exchange = { method: "GET", path: "/api", status: 200, service: "blue", route: "/api", timeMs: 0, requestId: "id" };
      const attempts = [{ ...attempt, durationMs }];
      showDetail(dialog, { ...exchange, durationMs, headers: [], attempts }, { link: "", origin: location.origin });
      widths[durationMs] = dialog.scrollWidth;
    }
    return widths;
  })()`);
  assertEquals(Object.entries(widths).filter(([, width]) => width > 390), []);
});

for (const [scheme, width] of [["light", 1_280], ["dark", 1_280], ["light", 390], ["dark", 390]] as const) {
  pageTest(`the dashboard is accessible and fits, ${scheme} and ${width} pixels wide`, async () => {
    await using shop = await openShop();
    await using visited = await visit(shop.conductor.adminUrl, { scheme, width });
    const { page } = visited;
    assertEquals(await violationsOf(page), []);
    const traffic = keepSending(shop.conductor, ["/api/tea", "/nowhere", `/api/${"long/".repeat(60)}`]);
    await page.locator(".exchange", { hasText: "/api/tea" }).first().waitFor();
    await page.getByRole("button", { name: /^Service canary .*, failing$/ }).waitFor();
    await page.locator(".exchange", { hasText: "/nowhere" }).first().waitFor();
    assertEquals(await violationsOf(page), []);
    await traffic[Symbol.asyncDispose]();
    assertEquals(await page.evaluate(`document.documentElement.scrollWidth`), width);
    // By keyboard, because a row that moves down the list can evade the pointer.
    await page.locator(".exchange", { hasText: "long/" }).first().locator(".exchange-open").press("Enter");
    await page.getByRole("dialog").waitFor();
    assertEquals(await violationsOf(page), []);
    assertEquals(await page.evaluate(`document.querySelector("dialog").scrollWidth <= innerWidth`), true);
  });
}
