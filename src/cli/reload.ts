/**
 * Reloading of the configuration while the server runs: on SIGHUP, and with `--watch` when one of its files changes.
 */

import type { Config } from "../config/config.ts";
import { configChanges } from "../config/config_changes.ts";
import type { Logger } from "../observe/log.ts";
import { type FileWatch, type Fingerprint, type Fingerprints, watchFiles } from "../server/file_watch.ts";
import type { Signals } from "../server/signals.ts";
import { type ConfigFile, loadValidConfig } from "./load_config.ts";
import type { ReloadHistory } from "./reload_history.ts";

/** Options of {@linkcode keepReloading}. */
export interface ReloadOptions extends ConfigFile {
  /** True to watch the files of the configuration. */
  readonly watch: boolean;
  /** Record of all reloads. */
  readonly history: ReloadHistory;
  /** Signals that request a reload. */
  readonly signals: Signals<"SIGHUP">;
  /** Returns the log of the running configuration. */
  readonly logger: () => Logger;
  /** Puts a configuration into force. If it throws, nothing has changed. */
  readonly apply: (config: Config) => Promise<void>;
}

/** Running reloads. */
export interface Reloading {
  /** Stops reloading. A configuration that is being read is not put into force. */
  close(): void;
}

/** Starts to reload, one reload at a time. An invalid configuration changes nothing, and its problems are logged. */
export function keepReloading(options: ReloadOptions): Reloading {
  const { signals, logger } = options;
  const closed = Promise.withResolvers<"closed">();
  let isClosed = false;
  let current = options.config;
  let watch: FileWatch | undefined;

  async function run(): Promise<void> {
    let { fingerprints } = options;
    let signal = signals.next();
    while (!isClosed) {
      watch = options.watch ? watchFiles(fingerprints) : undefined;
      const reason = await Promise.race([closed.promise, signal, ...(watch === undefined ? [] : [watch.changed])]);
      if (reason === "closed") return;
      watch?.close();
      if (reason === "SIGHUP") signal = signals.next();
      const before = fingerprints;
      fingerprints = await reload();
      warnOfDeleted(before, fingerprints);
    }
  }

  /**
   * A mount of a single file keeps showing the old file when the file outside is replaced. No later change is visible.
   */
  function warnOfDeleted(before: Fingerprints, after: Fingerprints): void {
    for (const [file, { isDeleted }] of after) {
      if (!isDeleted || before.get(file)?.isDeleted) continue;
      const warning = "the file was replaced outside of its mount, so changes are no longer visible; mount its folder";
      logger().log("warn", "configuration file cannot be watched", { file, warning });
    }
  }

  async function reload(): Promise<Fingerprints> {
    const fingerprints = new Map<string, Fingerprint>();
    try {
      const { config, warnings } = await loadValidConfig(options.location, fingerprints);
      if (isClosed) return fingerprints;
      await options.apply(config);
      const changes = configChanges(current, config);
      current = config;
      options.history.recordSuccess(changes);
      for (const warning of warnings) logger().log("warn", "configuration", { warning });
      logger().log("info", "configuration reloaded", { file: options.path, changes });
    } catch (error) {
      options.history.recordRefusal(error);
      const problems = (error instanceof Error ? error.message : String(error)).split("\n");
      const message = "configuration not reloaded, the previous one stays in force";
      logger().log("error", message, { file: options.path, problems });
    }
    return fingerprints;
  }

  run();
  return {
    close: () => {
      isClosed = true;
      closed.resolve("closed");
      watch?.close();
      signals.close();
    },
  };
}
