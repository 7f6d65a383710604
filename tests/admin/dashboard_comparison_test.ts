import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";

import { finePercent } from "../../src/admin/dashboard/format.js";
import { differingParts } from "../../src/admin/dashboard/sample_row.js";
import { DEFAULT_THRESHOLDS as SHOWN_THRESHOLDS } from "../../src/admin/dashboard/thresholds.js";
import { DEFAULT_THRESHOLDS } from "../../src/compare/report_thresholds.ts";
import { percent } from "../../src/lib/text_format.ts";
import { pageTest, violationsOf, visit } from "../_support/page_test.ts";
import { exchangeRaw, startBackend } from "../_support/servers.ts";
import { startWatched, type WatchedConductor } from "../_support/cli_process.ts";

const EVIL = `<img src=x onerror="alert(1)">`;
const EVIL_PATH = `/api/"><script>alert(1)</script>`;

/** Enough to distinguish each planted difference from noise. */
const REQUESTS = 40;

/** A backend whose second version has a field renamed, a number rounded, and markup where there was none. */
function respond(version: 1 | 2): Response {
  const fields = version === 1
    ? { customerName: "Ada", total: 12.345, note: `plain ${EVIL}`, [EVIL]: "one" }
    : { customer_name: "Ada", total: 12.35, note: `<script>${EVIL}`, [EVIL]: "two" };
  return Response.json({ id: 7, ...fields, servedAt: crypto.randomUUID() });
}

/** A shop with its next version as a shadow. All responses are compared. */
async function openShop() {
  const [old, next] = [startBackend(() => respond(1)), startBackend(() => respond(2))];
  const conductor = await startWatched([
    { name: "shop-v1", url: old.url, pathPrefix: "/api", primary: true },
    { name: "shop-v2", url: next.url, pathPrefix: "/api", shadow: true },
  ], { compare: { noiseSample: 1 } });
  return {
    conductor,
    async [Symbol.asyncDispose]() {
      await conductor[Symbol.asyncDispose]();
      await Promise.all([old[Symbol.asyncDispose](), next[Symbol.asyncDispose]()]);
    },
  };
}

async function sendOrders({ url }: WatchedConductor, count = REQUESTS): Promise<void> {
  for (let id = 100; id < 100 + count; id++) await (await fetch(`${url}/api/orders/${id}`)).body?.cancel();
}

pageTest(
  "the comparison follows traffic to a verdict, shows both values side by side, and sends no request elsewhere",
  async () => {
    await using shop = await openShop();
    const { conductor } = shop;
    await using visited = await visit(`${conductor.adminUrl}#comparison?minRequests=20`);
    const { page, complaints, requests } = visited;
    await page.getByText(`curl ${conductor.url}/api`).waitFor();

    await sendOrders(conductor);
    await page.locator(".verdict", { hasText: "Not ready" }).waitFor();
    const field = page.locator("#differences .field", { hasText: "$.customerName" });
    await field.getByText(`${REQUESTS} of ${REQUESTS} differ`).waitFor();
    assertStringIncludes(await page.locator(".endpoint-head").first().innerText(), "/api/orders/{id}");
    const sample = await field.locator(".sample").first().innerText();
    assertMatch(sample, /Primary:\s*"Ada"\s*Service:\s*absent\s*GET \/api\/orders\/1/);
    const total = page.locator("#differences .field", { hasText: "$.total" }).locator(".sample").first();
    assertEquals(await total.locator("mark").allInnerTexts(), ["4"]);
    await page.locator("#noise-fold summary").click();
    await page.locator("#noise").getByText("$.servedAt").waitFor();
    assertEquals(await page.locator("#differences, #mismatches").getByText("$.servedAt").count(), 0);

    await page.getByLabel("at least comparisons").fill("100000");
    await page.locator(".verdict", { hasText: "Not enough traffic" }).waitFor();
    assertStringIncludes(page.url(), "#comparison?minRequests=100000");

    assertEquals(requests.filter((url) => !url.startsWith(conductor.adminUrl)), []);
    assertEquals(complaints, []);
  },
);

pageTest("a field is marked as noise with one click, and the configuration for it can be copied", async () => {
  await using shop = await openShop();
  const { conductor } = shop;
  await sendOrders(conductor);
  await using visited = await visit(`${conductor.adminUrl}#comparison`);
  const { page, complaints } = visited;
  const row = page.locator("#differences .field", { hasText: "$.total" });
  const button = page.getByRole("button", { name: "Mark as noise $.total" });
  await button.press("Enter");
  await row.waitFor({ state: "detached" });
  await page.locator("#noise li", { hasText: "$.total" }).waitFor({ state: "attached" });
  assertMatch(await page.locator(":focus").innerText(), /^Mark as noise/);
  await page.locator("#noise-config-lines").getByText(`- { endpoint: "GET /api/orders/{id}", path: "$.total" }`)
    .waitFor();
  const lines = await (await fetch(`${conductor.adminUrl}api/noise`)).text();
  assertEquals(await page.locator("#noise-config-lines").textContent(), lines);

  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied").waitFor();
  assertEquals(await page.evaluate(`navigator.clipboard.readText()`), lines);

  // The next report has the mark, also for a page that did not set it.
  await page.reload();
  await page.locator("#noise li", { hasText: "$.total" }).waitFor({ state: "attached" });
  assertEquals(await row.count(), 0);
  assertMatch(await page.locator("#noise li", { hasText: "$.total" }).textContent() ?? "", /marked \d\d:\d\d:\d\d/);
  assertEquals(complaints, []);

  await page.getByRole("button", { name: "Undo the mark of $.total" }).click();
  await row.waitFor();
  assertEquals(await (await fetch(`${conductor.adminUrl}api/noise`)).text(), "");
  // The first dialog is dismissed.
  await page.getByRole("button", { name: "Start counting again" }).click();
  assertStringIncludes(complaints[0] ?? "", "Discard all comparisons");
  assertGreater((await (await fetch(`${conductor.adminUrl}api/report`)).json()).compared, 0);
  page.removeAllListeners("dialog");
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Start counting again" }).click();
  await page.locator("#verdict-facts").getByText(/since \d\d:\d\d, 0 comparisons/).waitFor();
});

pageTest("the request of a sample is copied as a curl command and as an archive", async () => {
  await using shop = await openShop();
  const { conductor } = shop;
  await sendOrders(conductor);
  await using visited = await visit(`${conductor.adminUrl}#comparison`);
  const { page, complaints } = visited;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  for (const place of ["#differences .sample", "#mismatches .mismatch"]) {
    const row = page.locator(place).first();
    await row.locator("summary", { hasText: "Request" }).click();
    await row.getByRole("button", { name: "Copy as curl" }).click();
    await row.getByText("Copied").waitFor();
    const command = String(await page.evaluate(`navigator.clipboard.readText()`));
    assertMatch(command, /^curl --globoff --path-as-is 'http:\/\/127\.0\.0\.1:\d+\/api\/orders\/1\d\d' /);
    await row.getByRole("button", { name: "Copy as HAR" }).click();
    await row.getByText("Copied").nth(1).waitFor();
    const { log } = JSON.parse(String(await page.evaluate(`navigator.clipboard.readText()`)));
    assertEquals([log.version, log.entries[0].request.method], ["1.2", "GET"]);
  }
  assertEquals(complaints, []);
});

pageTest("a field returns to the mismatches with the reason if conductor refuses to mark it", async () => {
  await using shop = await openShop();
  await sendOrders(shop.conductor);
  await using visited = await visit(`${shop.conductor.adminUrl}#comparison`);
  const { page } = visited;
  const body = JSON.stringify({ status: 409, detail: "There are 1000 marks" });
  await page.route("**/api/noise", (route) => {
    const isMark = route.request().method() === "POST";
    return isMark ? route.fulfill({ status: 409, contentType: "application/problem+json", body }) : route.continue();
  });
  await page.getByRole("button", { name: "Mark as noise $.total" }).click();
  await page.getByRole("alert").getByText("Cannot mark $.total as noise: There are 1000 marks").waitFor();
  await page.locator("#differences .field", { hasText: "$.total" }).waitFor();
});

pageTest("hostile keys, values and paths stay text in the comparison", async () => {
  await using shop = await openShop();
  const { conductor } = shop;
  await sendOrders(conductor);
  await using visited = await visit(`${conductor.adminUrl}#comparison`);
  const { page, complaints, requests } = visited;
  await page.locator("#differences .field h4", { hasText: "<img src=x" }).first().waitFor();
  await page.locator("#differences .sample", { hasText: "<script><img src=x" }).first().waitFor();
  const head = `GET ${EVIL_PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  assertStringIncludes(await exchangeRaw(Number(new URL(conductor.url).port), head), "200 OK");
  await page.locator(".mismatch-path", { hasText: "<script>alert(1)</script>" }).waitFor();
  await page.getByRole("button", { name: "Mark as noise $[" }).first().click();
  await page.locator("#noise-config-lines").getByText("<img src=x").waitFor();
  assertEquals(await page.locator("img, body script, iframe, body style").count(), 0);
  assertEquals(requests.filter((url) => !url.startsWith(conductor.adminUrl)), []);
  assertEquals(complaints, []);
});

pageTest("the comparison is polled only while it is visible, and never without `compare`", async () => {
  await using shop = await openShop();
  await using visited = await visit(`${shop.conductor.adminUrl}#comparison`);
  const { page, requests } = visited;
  const polled = () => requests.filter((url) => /report|mismatches|noise/.test(url)).length;
  const { promise: hasPolled, resolve } = Promise.withResolvers<void>();
  page.on("request", (request) => {
    if (polled() > 4 && request.url().includes("report")) resolve();
  });
  await hasPolled;
  await page.getByRole("link", { name: "Traffic" }).click();
  await page.locator("#overview").waitFor();
  const before = polled();
  // Each state, one per second, redraws the chart: four of them take longer than the poll interval.
  await page.evaluate(`new Promise((resolve) => {
    let drawn = 0;
    const observer = new MutationObserver(() => ++drawn === 4 && resolve());
    observer.observe(document.querySelector("#overview .chart-line.rate"), { attributeFilter: ["d"] });
  })`);
  assertEquals(polled(), before);

  await using backend = startBackend();
  await using off = await startWatched([{ name: "only", url: backend.url }]);
  await using seen = await visit(`${off.adminUrl}#comparison`);
  await seen.page.getByText("compare: true").waitFor();
  await seen.page.getByText("Live", { exact: true }).waitFor();
  assertEquals([seen.requests.filter((url) => url.includes("report")), seen.complaints], [[], []]);
});

for (const [scheme, width] of [["light", 1_280], ["dark", 1_280], ["light", 390], ["dark", 390]] as const) {
  pageTest(`the comparison is accessible and fits, ${scheme} and ${width} pixels wide`, async () => {
    await using shop = await openShop();
    await sendOrders(shop.conductor);
    const long = `${shop.conductor.url}/api/${"long/".repeat(40)}`;
    await (await fetch(long)).body?.cancel();
    await using visited = await visit(`${shop.conductor.adminUrl}#comparison`, { scheme, width });
    const { page } = visited;
    await page.getByRole("button", { name: "Mark as noise $.total" }).click();
    await page.locator("#noise-config-lines").getByText("$.total").waitFor();
    await page.locator(".mismatch").first().waitFor();
    for (const fold of await page.locator("summary:visible").all()) await fold.click();
    assertEquals(await violationsOf(page), []);
    assertEquals(await page.evaluate(`document.documentElement.scrollWidth`), width);
  });
}

Deno.test("differingParts() returns the differing middle, and keeps characters whole", () => {
  assertEquals(differingParts("12.345", "12.35"), [["12.3", "4", "5"], ["12.3", "", "5"]]);
  assertEquals(differingParts('"a\u{1f600}b"', '"a\u{1f601}b"'), [['"a', "\u{1f600}", 'b"'], [
    '"a',
    "\u{1f601}",
    'b"',
  ]]);
  assertEquals(differingParts("aa", "aaa"), [["aa", "", ""], ["aa", "a", ""]]);
  assertEquals(differingParts("", "x"), [["", "", ""], ["", "x", ""]]);
});

Deno.test("the thresholds and the format of ratios are those of the report", () => {
  assertEquals(SHOWN_THRESHOLDS, DEFAULT_THRESHOLDS);
  for (const ratio of [0, 1, 0.5, 0.000312, 0.9998, 0.123456]) {
    assertEquals(finePercent(ratio), percent(ratio).replace(" ", "\u202f"));
  }
});
