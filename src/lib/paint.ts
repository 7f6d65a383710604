/** Colors for terminals. */

import { blue, bold, cyan, dim, green, magenta, red, yellow } from "@std/fmt/colors";

/** Wraps a text in escape sequences, or returns it unchanged. */
export type Brush = (text: string) => string;

/** Brushes by meaning. */
export interface Paint {
  /** Headings and important text. */
  readonly strong: Brush;
  /** Secondary text. */
  readonly faint: Brush;
  /** Success, and primaries. */
  readonly good: Brush;
  /** Warnings. */
  readonly warn: Brush;
  /** Failures. */
  readonly bad: Brush;
  /** Secondary services. */
  readonly secondary: Brush;
  /** Shadow services. */
  readonly shadow: Brush;
  /** Commands and links. */
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

/** Returns the brushes for an output with or without colors. `@std/fmt/colors` respects `NO_COLOR`. */
export function createPaint(color: boolean): Paint {
  return color ? COLORED : PLAIN;
}
