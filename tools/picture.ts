/** Screenshots, compressed for README.md and the documentation. */

import UPNG from "npm:upng-js@2.1.0";
import type { Browser, Page } from "../tests/_support/browser.ts";

const DOCS = new URL("../docs/", import.meta.url);

/** A screenshot and the window that it shows. */
export interface Picture {
  readonly file: string;
  readonly scheme: "light" | "dark";
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** Opens a page in the window of a screenshot. */
export async function openWindow(browser: Browser, { scheme, width, height, scale }: Picture): Promise<Page> {
  const viewport = { width, height };
  return await browser.newPage({ viewport, colorScheme: scheme, deviceScaleFactor: scale, reducedMotion: "reduce" });
}

/** Writes a screenshot into `docs/`. */
export async function writePicture(file: string, png: Uint8Array): Promise<void> {
  await Deno.writeFile(new URL(file, DOCS), withPalette(png));
}

/** 256 colours are enough for this page, at a third of the size. */
function withPalette(png: Uint8Array): Uint8Array {
  const { width, height, ...image } = UPNG.decode(new Uint8Array(png).buffer);
  const [pixels] = UPNG.toRGBA8({ width, height, ...image });
  return new Uint8Array(UPNG.encode([pixels], width, height, 256));
}
