import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
} from "@std/assert";

import { hasOpenssl } from "../_support/certificates.ts";
import { openFleet } from "../_support/fleet.ts";
import { pageTest, violationsOf, visit } from "../_support/page_test.ts";
import type { Page } from "../_support/browser.ts";

/** Height of the window of small laptops. */
const SCREEN_HEIGHT = 800;

if (hasOpenssl) {
  pageTest("the dashboard of 48 services and 200 routes starts with what is in trouble, and why", async () => {
    await using fleet = await openFleet({ size: "large" });
    const { conductor, services, routes } = fleet;
    assertEquals([services, routes], [48, 200]);
    await using visited = await visit(conductor.adminUrl);
    const { page, complaints } = visited;
    await page.getByText("3 of 48 services failing").waitFor();
    const reasons: readonly (readonly [name: string, text: RegExp])[] = [
      ["payments", /100\s% fail: tls on 5 routes.*certificate has expired/s],
      ["stock", /100\s% fail: error status on 5 routes.*response 500/s],
      ["shop-v1", /connection refused at 127\.0\.0\.1:\d+/],
      ["shop-v2", /degraded.*not sent: max-in-flight/s],
    ];
    for (const [name, text] of reasons) {
      const problem = page.locator(".problem", { hasText: name });
      await problem.filter({ hasText: text }).waitFor();
    }
    assertEquals(await page.locator("#services > li").count(), 10);
    const map = page.locator("#map-fold");
    for (const [isOpen, place] of [[true, "#traffic?map=1"], [false, "#traffic"]] as const) {
      await page.locator("#map-fold > summary").click();
      assertEquals((await map.getAttribute("open")) !== null, isOpen);
      assertEquals(await page.evaluate("location.hash"), place);
      // The next drawing keeps it.
      const note = page.locator("#overview .figure-note").first();
      await note.filter({ hasNotText: await note.innerText() }).waitFor();
      assertEquals((await map.getAttribute("open")) !== null, isOpen);
    }
    const firstNames = (await page.locator("#services .subject-open").allInnerTexts()).slice(0, 4);
    assertEquals(firstNames.sort(), ["payments", "shop-v1", "shop-v2", "stock"]);
    for (const shown of ["#headline", "#problems", "#overview", "#services > li:nth-child(6)"]) {
      const box = await page.locator(shown).boundingBox();
      assertLess((box?.y ?? Infinity) + (box?.height ?? 0), SCREEN_HEIGHT, shown);
    }

    const keptRow = await page.locator("#services > li").first().elementHandle();
    await page.getByRole("button", { name: "Show all 48 services" }).click();
    await page.locator("#services > li:nth-child(48)").waitFor();
    await page.getByLabel("Find").fill("PAY");
    await page.getByText('1 of 48 match "PAY"').waitFor();
    assertEquals(await page.locator("#services .subject-open").allInnerTexts(), ["payments"]);
    await page.reload();
    await page.getByText('1 of 48 match "PAY"').waitFor();
    await page.getByLabel("Find").fill("");
    await page.getByRole("button", { name: /^Routes 200$/ }).click();
    await page.getByLabel("Sort by").selectOption({ label: "Name" });
    const names = await page.locator("#routes .subject-open").allInnerTexts();
    assertEquals([names.length, names[0]], [200, "/accounts"]);
    await page.locator("#routes > li", { hasText: "/api" }).filter({ hasText: /100\s% from a fallback/ }).waitFor();
    assert(keptRow !== null);
    assertEquals(complaints, []);
    assertEquals(await violationsOf(page), []);
  });

  pageTest("each row of the dashboard opens, and remains the same element while its figures change", async () => {
    await using fleet = await openFleet({ size: "small" });
    await using visited = await visit(fleet.conductor.adminUrl);
    const { page } = visited;
    await page.getByText("1 of 3 services failing").waitFor();
    const row = page.locator("#services > li", { hasText: "shop-v1" });
    await row.getByRole("button", { name: "shop-v1" }).press("Enter");
    await row.getByText(/Last recorded failure at \d\d:\d\d:\d\d: connection refused/).waitFor();
    await row.getByText("Failed: refused").waitFor();
    await page.evaluate(`window.row = document.querySelector("#services > li")`);
    const total = page.locator("#services > li", { hasText: "shop-standby" }).locator(".cell-total dd");
    const before = await total.innerText();
    await total.filter({ hasNotText: before }).waitFor();
    assertEquals(await page.evaluate(`row.isConnected && row.querySelectorAll(".subject-charts .chart").length`), 3);
    assertEquals(await violationsOf(page), []);
    await row.getByRole("button", { name: "Show its exchanges" }).click();
    assertEquals((await filtersOf(page))[1], "shop-v1");
  });

  pageTest("charts show the values at one time to the pointer, to a touch and to the keyboard", async () => {
    await using fleet = await openFleet({ size: "small" });
    await using visited = await visit(fleet.conductor.adminUrl);
    const { page } = visited;
    const chart = page.getByRole("slider", { name: "Latency, p50, chart" });
    await page.locator(`#overview .chart-line.p50[d*="L"]`).waitFor({ state: "attached" });
    const tooltip = page.locator(".tooltip");
    const values = /^\d\d:\d\d:\d\d\np50 [\d.]+\sm?s\np95 [\d.]+\sm?s\np99 [\d.]+\sm?s$/;

    await chart.hover();
    assertMatch(await tooltip.innerText(), values);
    await page.mouse.move(0, 0);
    await tooltip.waitFor({ state: "hidden" });

    const { x, y, width } = (await chart.boundingBox())!;
    const touch = { pointerType: "touch", clientX: x + width - 2, clientY: y + 5, bubbles: true };
    await chart.dispatchEvent("pointerdown", touch);
    assertMatch(await tooltip.innerText(), values);
    await page.locator("#headline").dispatchEvent("pointerdown", { pointerType: "touch", bubbles: true });
    await tooltip.waitFor({ state: "hidden" });

    await page.keyboard.press("Tab");
    await chart.focus();
    const newest = await chart.getAttribute("aria-valuetext");
    for (let step = 0; step < 2; step++) await page.keyboard.press("ArrowLeft");
    assertMatch(await tooltip.innerText(), values);
    const earlier = await chart.getAttribute("aria-valuetext");
    assertMatch(earlier ?? "", /^\d\d:\d\d:\d\d, p50 /);
    assertLess(earlier ?? "", newest ?? "");
    await page.keyboard.press("Escape");
    await tooltip.waitFor({ state: "hidden" });
  });

  pageTest("the axis of the exchanges ends where clients stop to wait, and cuts a slow shadow's bar", async () => {
    await using fleet = await openFleet({ size: "small" });
    await using visited = await visit(fleet.conductor.adminUrl);
    const { page } = visited;
    const cut = page.locator(".exchange .attempt[data-role=shadow]:has(.attempt-bar[data-truncated])");
    await cut.first().waitFor({ state: "attached" });
    // Read in one step, because rows move.
    const { duration, bar, end, waits, times } = await page.evaluate<Record<"duration" | "end", string> & Texts>(`({
      duration: document.querySelector(".attempt:has(.attempt-bar[data-truncated]) .attempt-duration").textContent,
      bar: { ...document.querySelector(".attempt-bar[data-truncated]").dataset },
      end: document.querySelector("#axis .tick:last-child").textContent,
      waits: [...document.querySelectorAll(".exchange-facts")].map(({ textContent }) => / in ([\\d.]+\\s?m?s)/.exec(textContent)[1]),
      times: [...document.querySelectorAll(".exchange-time")].map(({ textContent }) => textContent),
    })`);
    const longestMs = Math.max(...waits.map(millisecondsOf));
    assertLessOrEqual(millisecondsOf(end), 2 * longestMs);
    // The axis has rounded ticks.
    assertGreater(Number(bar.endMs), 0.99 * millisecondsOf(end));
    assertAlmostEquals(millisecondsOf(duration), Number(bar.endMs) - Number(bar.startMs), 0.02 * Number(bar.endMs));
    assertEquals(times, times.toSorted().toReversed());
  });

  pageTest(
    "filters and exchanges have links, which survive a reload, and the details belong to their view",
    async () => {
      await using fleet = await openFleet({ size: "small" });
      await using visited = await visit(fleet.conductor.adminUrl);
      const { page } = visited;
      await page.locator(".exchange").first().waitFor();
      await page.locator("#filter-service").selectOption("shop-v2");
      await page.locator("#filter-outcome").selectOption({ label: "A service was skipped" });
      await page.locator("#filter-text").fill("GET /api");
      await page.reload();
      await page.locator(".exchange").first().waitFor();
      assertEquals(await filtersOf(page), ["", "shop-v2", "skipped", "GET /api"]);
      assertEquals(await page.locator(".exchange-open", { hasText: "POST" }).count(), 0);

      const link = page.locator(".exchange-open").first();
      await link.hover();
      const href = await link.getAttribute("href");
      await link.click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("Request id").waitFor();
      const title = await dialog.locator("h2").innerText();
      await page.goBack();
      await dialog.waitFor({ state: "hidden" });
      assertEquals(await filtersOf(page), ["", "shop-v2", "skipped", "GET /api"]);

      await page.goto("about:blank");
      await page.goto(fleet.conductor.adminUrl + href);
      await dialog.waitFor();
      assertEquals(await dialog.locator("h2").innerText(), title);
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await dialog.getByRole("button", { name: "Copy as curl" }).click();
      await dialog.getByText("Copied").waitFor();
      assertMatch(
        await page.evaluate<string>(`navigator.clipboard.readText()`),
        /^curl .*'http:\/\/127\.0\.0\.1:\d+\/api\//,
      );
      await page.evaluate(`location.hash = "#comparison"`);
      await dialog.waitFor({ state: "hidden" });
      assertEquals(await page.locator("#traffic-link").getAttribute("href"), "#traffic");

      await page.goto(`${fleet.conductor.adminUrl}#traffic?id=gone`);
      await page.reload();
      await page.getByText("The exchange gone is not among the recent ones that are kept.").waitFor();
    },
  );

  for (const scheme of ["light", "dark"] as const) {
    pageTest(`a phone shows everything that a large window shows, ${scheme}`, async () => {
      await using fleet = await openFleet({ size: "large" });
      await using visited = await visit(fleet.conductor.adminUrl, { scheme, width: 390 });
      const { page } = visited;
      await page.getByText("3 of 48 services failing").waitFor();
      await page.locator(".exchange").first().waitFor();
      const hidden = await page.evaluate<string[]>(`
        [...document.querySelectorAll(".subject:first-child :is(.cell dt, .cell dd, .subject-state, .subject-aside)")]
          .concat([...document.querySelectorAll(".exchange:first-child .attempt-role, .figure-note, .tick")])
          .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width < 2)
          .concat([...document.querySelectorAll(".cell, .attempt-role, .tick")].filter((element) =>
            getComputedStyle(element).display === "none"))
          .map((element) => element.className + element.outerHTML.slice(0, 80))`);
      assertEquals(hidden, []);
      assertEquals(await page.evaluate(`document.documentElement.scrollWidth`), 390);
      assertGreater(await page.locator("#services > li").count(), 4);
      // Rows outside the window are current too, for screen readers and for searches in the page.
      for (const index of [1, 2, 3, 4]) {
        const row = page.locator(
          `#services > li:nth-child(${index}):is([data-health=failing], [data-health=degraded])`,
        );
        await row.waitFor({ state: "attached" });
      }
      assertEquals(await violationsOf(page), []);
    });
  }
}

interface Texts {
  readonly waits: string[];
  readonly times: string[];
  readonly bar: Readonly<Record<string, string>>;
}

/** Parses a duration as the dashboard shows it. */
function millisecondsOf(text: string): number {
  const [, number, unit] = /^([\d.]+)\s*(ms|s)$/.exec(text) ?? [];
  return Number(number) * (unit === "s" ? 1_000 : 1);
}

async function filtersOf(page: Page): Promise<string[]> {
  const names = ["route", "service", "outcome", "text"];
  return await Promise.all(names.map((name) => page.locator(`#filter-${name}`).inputValue()));
}
