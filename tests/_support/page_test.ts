/** Tests of pages in a real browser, which starts once per test file. */

import axe, { type AxeResults } from "npm:axe-core@4.14.1";
import { type Browser, CHROMIUM, launchBrowser, type Page } from "./browser.ts";

/** CI is slow, and other tests run next to the browser. */
const TIMEOUT_MS = 60_000;

let browser: Browser;

Deno.test.beforeAll(async () => {
  if (CHROMIUM !== undefined) browser = await launchBrowser();
});

Deno.test.afterAll(async () => {
  if (CHROMIUM !== undefined) await browser.close();
});

/**
 * Registers a test of a page. It is ignored if no browser is installed. The browser's own operations continue between
 * tests.
 */
export function pageTest(name: string, fn: () => Promise<void>): void {
  const reason = CHROMIUM === undefined ? " (ignored: chromium is not installed)" : "";
  Deno.test({ name: name + reason, ignore: reason !== "", sanitizeOps: false, sanitizeResources: false, fn });
}

/** An open page. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** Console messages, dialogs and uncaught errors. */
  readonly complaints: string[];
  /** URLs of all requests. */
  readonly requests: string[];
}

/** Options of {@linkcode visit}. */
export interface VisitOptions {
  readonly width?: number;
  /** Default: 900. */
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  /** Response of the event stream, instead of the server's. */
  readonly events?: string;
}

/** Opens a page in a new window. */
export async function visit(
  url: string,
  { width = 1_280, height = 900, scheme = "light", events }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
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
    const eventStream = { contentType: "text/event-stream", body: events };
    await page.route("**/api/events", (route) => route.fulfill(eventStream));
  }
  await page.goto(url);
  return { page, complaints, requests, [Symbol.asyncDispose]: () => context.close() };
}

/** Returns the accessibility violations that axe-core finds, one line each. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>(`axe.run()`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
  );
}
