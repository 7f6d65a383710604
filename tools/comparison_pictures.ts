/** Screenshots of a comparison: a shop's API with a next version that has three faults, and a search that is ready. */

import { delay } from "@std/async/delay";
import type { Browser } from "../tests/_support/browser.ts";
import { startBackend } from "../tests/_support/servers.ts";
import { startWatched } from "../tests/_support/cli_process.ts";
import { openWindow, type Picture, writePicture } from "./picture.ts";

const PICTURES: readonly Picture[] = [
  { file: "dashboard-comparison-light.png", scheme: "light", width: 1280, height: 1760, scale: 1.25 },
  { file: "dashboard-comparison-dark.png", scheme: "dark", width: 1280, height: 1760, scale: 1.25 },
];

/** Enough for the 2,000 comparisons that each service needs to be ready. */
const REQUESTS = 7_200;
const AT_ONCE = 14;

const CUSTOMERS = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Alan Kay"];

/** Response time in milliseconds: the minimum, and the maximum of the random part. */
type Pace = readonly [usual: number, more: number];

/** Response of the shop's API. Version 2 renames a field, rounds a price, and has another status for removed items. */
async function shop({ url }: Request, version: 1 | 2, [usual, more]: Pace): Promise<Response> {
  await delay(usual + more * Math.random() ** 3);
  const [, , kind, id = "0"] = new URL(url).pathname.split("/");
  const number = Number(id);
  const servedAt = new Date().toISOString();
  if (kind === "coupons") return Response.json({ error: "expired", servedAt }, { status: version === 1 ? 410 : 404 });
  if (kind === "cart") return Response.json({ items: [{ sku: "T-1", quantity: 2 }], servedAt });
  const price = 9.9 + number % 70 * 1.135;
  const name = CUSTOMERS[number % CUSTOMERS.length]!;
  if (kind === "products") {
    const shown = version === 1 ? Number(price.toFixed(3)) : Number(price.toFixed(2));
    return Response.json({ id: number, name: `Tea no. ${number}`, price: shown, stock: number % 9, servedAt });
  }
  const customer = version === 1 ? { customerName: name } : { customer_name: name };
  return Response.json({ id: number, ...customer, state: "shipped", items: [{ sku: "T-1", quantity: 2 }], servedAt });
}

async function search([usual, more]: Pace): Promise<Response> {
  await delay(usual + more * Math.random() ** 3);
  return Response.json({ hits: [{ id: 71, name: "Earl Grey" }], tookMs: Math.round(100 * Math.random()) / 10 });
}

/** Target of the request with this number. */
function pathOf(index: number): string {
  const id = 10_000 + Math.floor(80_000 * Math.random());
  if (index % 40 === 6) return `/api/coupons/${id}`;
  if (index % 10 === 4) return index % 20 === 4 ? `/api/orders/${id}` : `/api/products/${id}`;
  return index % 3 === 0 ? "/search" : "/api/cart";
}

/** Takes the screenshots of the comparison. */
export async function takeComparisonPictures(browser: Browser): Promise<void> {
  await using v1 = startBackend((request) => shop(request, 1, [14, 30]));
  await using v2 = startBackend((request) => shop(request, 2, [31, 60]));
  await using old = startBackend(() => search([34, 60]));
  await using next = startBackend(() => search([22, 40]));
  await using conductor = await startWatched([
    { name: "shop-v1", url: v1.url, pathPrefix: "/api", primary: true },
    { name: "shop-v2", url: v2.url, pathPrefix: "/api", shadow: true },
    { name: "search", url: old.url, pathPrefix: "/search", primary: true },
    { name: "search-next", url: next.url, pathPrefix: "/search", shadow: true, compare: { ignore: "$.tookMs" } },
  ], { wait: "primary", compare: true });
  let sent = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (sent < REQUESTS) await (await fetch(conductor.url + pathOf(sent++))).body?.cancel();
  }));
  for (const picture of PICTURES) {
    const page = await openWindow(browser, picture);
    await page.goto(`${conductor.adminUrl}#comparison`);
    await page.getByText("customer_name").first().waitFor();
    await page.locator(".mismatch").first().waitFor();
    await writePicture(picture.file, await page.screenshot({ animations: "disabled" }));
    await page.close();
  }
}
