/** A headless browser that opens no connections except to the pages under test. */

import { type Browser, chromium } from "npm:playwright-core@1.65.1";

export type { Browser, Page } from "npm:playwright-core@1.65.1";

/** Path of the program; `undefined` if it is not installed. */
export const CHROMIUM: string | undefined = findChromium();

/** Disables the browser's own requests. */
const QUIET = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/** Starts the browser with a temporary profile. */
export async function launchBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("Cannot start a browser as chromium is not installed");
  return await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
}

function findChromium(): string | undefined {
  const { success, stdout } = new Deno.Command("sh", { args: ["-c", "command -v chromium"] }).outputSync();
  return success ? new TextDecoder().decode(stdout).trim() : undefined;
}
