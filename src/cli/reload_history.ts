/** Record of the reloads of a process, for the metrics and the admin listener. */

import { ConfigError } from "../config/read/config_error.ts";
import type { ReloadStats } from "../observe/metrics_snapshot.ts";
import { ListenError } from "../server/listen_error.ts";
import { CommandError } from "./commands.ts";

/** Maximum problems of a refused reload. The log has all of them. */
const MAX_PROBLEMS = 10;
/** Maximum length of a problem in UTF-16 units. */
const MAX_PROBLEM_LENGTH = 400;

/** Options of {@linkcode ReloadHistory}. */
export interface ReloadHistoryOptions {
  /** Path of the configuration file. */
  readonly file: string;
  /**
   * Clock, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Record of all reloads since the start. */
export class ReloadHistory {
  readonly #now: () => number;
  #stats: ReloadStats;

  /** Records the start as a success. */
  constructor({ file, now = Date.now }: ReloadHistoryOptions) {
    this.#now = now;
    const startMs = now();
    this.#stats = {
      file,
      isSuccessful: true,
      lastSuccessMs: startMs,
      lastAttemptMs: startMs,
      succeeded: 0,
      refused: 0,
      problems: [],
      changes: [],
    };
  }

  /** Reloads so far. */
  get stats(): ReloadStats {
    return this.#stats;
  }

  /** Records a configuration that was applied, and its changes. */
  recordSuccess(changes: readonly string[]): void {
    const timeMs = this.#now();
    this.#stats = {
      ...this.#stats,
      isSuccessful: true,
      lastSuccessMs: timeMs,
      lastAttemptMs: timeMs,
      succeeded: this.#stats.succeeded + 1,
      problems: [],
      changes,
    };
  }

  /** Records a configuration that was not applied, and the reason. */
  recordRefusal(error: unknown): void {
    const timeMs = this.#now();
    const problems = problemsOf(error);
    this.#stats = {
      ...this.#stats,
      isSuccessful: false,
      lastAttemptMs: timeMs,
      refused: this.#stats.refused + 1,
      problems,
      lastRefusal: { timeMs, problems },
    };
  }
}

function problemsOf(error: unknown): string[] {
  const lines = messageOf(error).split("\n");
  const shown = lines.slice(0, MAX_PROBLEMS).map((line) => {
    return line.length > MAX_PROBLEM_LENGTH ? `${line.slice(0, MAX_PROBLEM_LENGTH)}…` : line;
  });
  const more = lines.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more, see the log`] : shown;
}

/** Returns the message of an error that contains no secrets. Other errors may quote any value. */
function messageOf(error: unknown): string {
  const isSafe = error instanceof ConfigError || error instanceof CommandError || error instanceof ListenError;
  return isSafe ? error.message : "unexpected error, see the log";
}
