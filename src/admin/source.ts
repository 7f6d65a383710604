/** What the admin listener shows; it may come from several threads. */

import type { Config } from "../config/config.ts";
import type { ExchangesView, StateView } from "./api.ts";

/** Where everything comes from. */
export interface AdminSource {
  /** The configuration that new requests meet. */
  readonly config: Config;
  /**
   * Reads what is configured, and what has been counted.
   *
   * @returns The state at this moment.
   */
  state(): Promise<StateView>;
  /**
   * Reads the recent exchanges.
   *
   * @param after The highest id that is known already.
   * @returns Those with a higher one.
   */
  exchanges(after: number): Promise<ExchangesView>;
}
