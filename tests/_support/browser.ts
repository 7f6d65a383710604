/** A real browser, without a window, that asks nobody but the pages that it is given. */

import { type Browser, chromium } from "npm:playwright-core@1.65.1";

export type { Browser, Page } from "npm:playwright-core@1.65.1";

/** The program's path; `undefined` where it is not installed. */
export const CHROMIUM: string | undefined = findChromium();

/** Nothing is fetched, looked up or reported by the browser itself. */
const QUIET = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/** Starts the browser with a profile of its own, which is gone afterwards. */
export async function launchBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("Cannot start a browser as chromium is not installed");
  return await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
}

function findChromium(): string | undefined {
  const { success, stdout } = new Deno.Command("sh", { args: ["-c", "command -v chromium"] }).outputSync();
  return success ? new TextDecoder().decode(stdout).trim() : undefined;
}
