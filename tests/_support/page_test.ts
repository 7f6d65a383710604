/** Tests of pages in a real browser, which is started once for each file of tests. */

import axe, { type AxeResults } from "npm:axe-core@4.14.1";
import { type Browser, CHROMIUM, launchBrowser, type Page } from "./browser.ts";

/** CI is slow, and the browser is not the only one at work. */
const PATIENCE_MS = 60_000;

let browser: Browser;

Deno.test.beforeAll(async () => {
  if (CHROMIUM !== undefined) browser = await launchBrowser();
});

Deno.test.afterAll(async () => {
  if (CHROMIUM !== undefined) await browser.close();
});

/** A test of a page; ignored where there is no browser. The browser's own operations go on between tests. */
export function pageTest(name: string, fn: () => Promise<void>): void {
  const reason = CHROMIUM === undefined ? " (ignored: chromium is not installed)" : "";
  Deno.test({ name: name + reason, ignore: reason !== "", sanitizeOps: false, sanitizeResources: false, fn });
}

/** A page that is looked at. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** What the console and the page's own errors said. */
  readonly complaints: string[];
  /** All that was asked for. */
  readonly requests: string[];
}

/** How it is looked at. */
export interface VisitOptions {
  readonly width?: number;
  readonly scheme?: "light" | "dark";
  /** Stands in for the server's events. */
  readonly events?: string;
}

/** Opens a page in a window of its own. */
export async function visit(
  url: string,
  { width = 1_280, scheme = "light", events }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (message.type() !== "log") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => requests.push(request.url()));
  if (events !== undefined) {
    const answer = { contentType: "text/event-stream", body: events };
    await page.route("**/api/events", (route) => route.fulfill(answer));
  }
  await page.goto(url);
  return { page, complaints, requests, [Symbol.asyncDispose]: () => context.close() };
}

/** What axe-core finds, a line each. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>(`axe.run()`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
  );
}
