/** How much room a terminal has. */

/** What calls itself a terminal need not have a size. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/**
 * Measures the terminal.
 *
 * @returns Its columns and rows; 80 and 24 where it does not tell.
 */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
  } catch {
    return DEFAULT_SIZE;
  }
}
