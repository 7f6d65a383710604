/** Colours for terminals, or none. */

import { blue, bold, cyan, dim, green, magenta, red, yellow } from "@std/fmt/colors";

/** Wraps a text in an escape sequence, or leaves it as it is. */
export type Brush = (text: string) => string;

/** One brush for each meaning that the output knows. */
export interface Paint {
  /** Headings and what must not be overlooked. */
  readonly strong: Brush;
  /** What may be overlooked. */
  readonly faint: Brush;
  /** Success, and the primary that brings it. */
  readonly good: Brush;
  /** Something that is worth a look. */
  readonly warn: Brush;
  /** A failure. */
  readonly bad: Brush;
  /** A service that may stand in. */
  readonly secondary: Brush;
  /** A service that gets copies. */
  readonly shadow: Brush;
  /** What a person may type or click. */
  readonly accent: Brush;
}

const COLORED: Paint = {
  strong: bold,
  faint: dim,
  good: green,
  warn: yellow,
  bad: red,
  secondary: blue,
  shadow: magenta,
  accent: cyan,
};

const plain: Brush = (text) => text;

const PLAIN: Paint = {
  strong: plain,
  faint: plain,
  good: plain,
  warn: plain,
  bad: plain,
  secondary: plain,
  shadow: plain,
  accent: plain,
};

/**
 * Gives the brushes for an output. `NO_COLOR` is respected by `@std/fmt/colors` itself.
 *
 * @param color Whether the output is a terminal.
 * @returns Brushes that colour, or that change nothing.
 */
export function createPaint(color: boolean): Paint {
  return color ? COLORED : PLAIN;
}
