/** What the admin listener shows; it may come from several threads. */

import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import type { NoiseMarks } from "../compare/noise_marks.ts";
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
  /**
   * Reads what has been compared.
   *
   * @param after The highest id of a mismatch that is known already; with Infinity none is listed.
   * @returns The counts, and the mismatches with a higher id.
   */
  comparisons(after: number): Promise<ComparisonsSnapshot>;
  /** The fields that a person has called noise. */
  readonly marks: NoiseMarks;
}
