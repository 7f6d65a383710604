/** A table at the end of a terminal, redrawn in place, with other lines above it. */

import type { Output } from "../../server/output.ts";

/** A table at the end of a terminal. */
export interface LiveTable {
  /** Redraws the table. The lines must fit into the terminal. */
  show(lines: readonly string[]): void;
  /** Returns an output that writes above the table. An output that is no terminal is returned unchanged. */
  above(output: Output): Output;
  /** Ends the table. Its last lines stay, and further output follows below. */
  end(): void;
}

const ERASE_REST_OF_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/**
 * Creates a table. It moves the cursor up and overwrites the old lines in one write, so nothing flickers. The cursor
 * waits below the table, and no terminal mode is changed, so a crash leaves the terminal usable.
 */
export function createLiveTable(terminal: Output): LiveTable {
  let lines: readonly string[] = [];
  let hasEnded = false;
  const toTop = () => lines.length === 0 ? "" : `\x1b[${lines.length}F`;
  const text = () => lines.map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join("");
  return {
    show(next) {
      if (hasEnded) return;
      const start = toTop();
      lines = next;
      terminal.write(start + text() + ERASE_BELOW);
    },
    above(output) {
      if (!output.isTerminal) return output;
      return {
        isTerminal: true,
        write(other) {
          if (hasEnded || lines.length === 0) return output.write(other);
          const complete = other.endsWith("\n") ? other : `${other}\n`;
          return terminal.write(toTop() + ERASE_BELOW + complete + text());
        },
        flush: () => Promise.all([terminal.flush(), output.flush()]).then(() => {}),
      };
    },
    end() {
      hasEnded = true;
    },
  };
}
