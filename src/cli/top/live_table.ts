/** A table at the end of a terminal, drawn anew in place, with other lines coming in above it. */

import type { Output } from "../../server/output.ts";

/** Where the table is. */
export interface LiveTable {
  /**
   * Shows other lines in its place.
   *
   * @param lines The lines, none longer than the terminal is wide, and fewer than it is high.
   */
  show(lines: readonly string[]): void;
  /**
   * Makes an output whose texts appear above the table.
   *
   * @param output What shows them without a table.
   * @returns It, where it is no terminal; else the output to use in its place.
   */
  above(output: Output): Output;
  /** Leaves the table as it is, with all that is still to come below it. */
  end(): void;
}

const ERASE_REST_OF_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/**
 * Makes a table. It moves the cursor up over the old lines and writes the new ones over them, in one text, so that nothing
 * flickers; the cursor waits below it. Nothing of the terminal has to be put right at the end, however that comes.
 *
 * @param terminal What shows it.
 * @returns The table.
 */
export function createLiveTable(terminal: Output): LiveTable {
  let lines: readonly string[] = [];
  let isOver = false;
  const toTop = () => lines.length === 0 ? "" : `\x1b[${lines.length}F`;
  const text = () => lines.map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join("");
  return {
    show(next) {
      if (isOver) return;
      const start = toTop();
      lines = next;
      terminal.write(start + text() + ERASE_BELOW);
    },
    above(output) {
      if (!output.isTerminal) return output;
      return {
        isTerminal: true,
        write(other) {
          if (isOver || lines.length === 0) return output.write(other);
          const whole = other.endsWith("\n") ? other : `${other}\n`;
          return terminal.write(toTop() + ERASE_BELOW + whole + text());
        },
        flush: () => Promise.all([terminal.flush(), output.flush()]).then(() => {}),
      };
    },
    end() {
      isOver = true;
    },
  };
}
