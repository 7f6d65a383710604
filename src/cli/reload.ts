/** Reading the configuration again while the server runs: on SIGHUP, and with `--watch` whenever one of its files changes. */

import type { Config } from "../config/config.ts";
import type { Logger } from "../observe/log.ts";
import { type FileWatch, type Fingerprints, watchFiles } from "../server/file_watch.ts";
import type { Signals } from "../server/signals.ts";
import { loadConfig } from "./load_config.ts";

/** What reloading needs. */
export interface ReloadOptions {
  /** The path of the configuration. */
  readonly path: string;
  /** The files that the running configuration was read from. */
  readonly stamps: Fingerprints;
  /** Whether those files are watched. */
  readonly watch: boolean;
  /** The requests to reload. */
  readonly signals: Signals<"SIGHUP">;
  /** Gives the log of the running configuration. */
  readonly logger: () => Logger;
  /** Puts a configuration into force, or throws and changes nothing. */
  readonly apply: (config: Config) => Promise<void>;
}

/** Reloads as long as it is open. */
export interface Reloading {
  /** Ends it; what is being read is not put into force any more. */
  close(): void;
}

/**
 * Starts to listen for reasons to read the configuration again. One reload follows the other. A configuration that can
 * not be used changes nothing, and is logged with its problems.
 *
 * @param options What reloading needs.
 * @returns The means to end it.
 */
export function keepReloading(options: ReloadOptions): Reloading {
  const { signals, logger } = options;
  const closed = Promise.withResolvers<"closed">();
  let isClosed = false;
  let watch: FileWatch | undefined;

  async function run(): Promise<void> {
    let stamps = options.stamps;
    let signal = signals.next();
    while (!isClosed) {
      watch = options.watch ? watchFiles(stamps) : undefined;
      const reason = await Promise.race([closed.promise, signal, ...(watch === undefined ? [] : [watch.changed])]);
      if (reason === "closed") return;
      watch?.close();
      if (reason === "SIGHUP") signal = signals.next();
      stamps = await reload();
    }
  }

  async function reload(): Promise<Fingerprints> {
    const stamps = new Map<string, string>();
    try {
      const { config, warnings } = await loadConfig(options.path, stamps);
      if (isClosed) return stamps;
      await options.apply(config);
      for (const warning of warnings) logger().log("warn", "configuration", { warning });
      logger().log("info", "configuration reloaded", { file: options.path });
    } catch (error) {
      const problems = messageOf(error).split("\n");
      logger().log("error", "configuration not reloaded, the old one stays", { file: options.path, problems });
    }
    return stamps;
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
