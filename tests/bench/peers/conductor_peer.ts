/** conductor from this checkout, as a user runs it. */

import { startCli } from "../../_support/cli_process.ts";
import { tempConfig } from "../../_support/temp_config.ts";
import type { Load } from "../loads.ts";
import type { Peer } from "./peer.ts";
import { untilListening } from "./until_listening.ts";
import { freePort } from "../../_support/free_port.ts";

/** Everything is as it comes, but for the log's line for each request. */
export const conductorPeer: Peer = {
  name: "conductor",
  can: () => true,
  async start(load, origins) {
    await using stack = new AsyncDisposableStack();
    const port = freePort();
    const file = stack.use(await tempConfig(configFor(load, origins)));
    const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
    await untilListening(port, process.exited).catch((error) => {
      throw new Error(`${error.message}: ${process.stderr.text}`);
    });
    const running = stack.move();
    return { url: `http://127.0.0.1:${port}`, pid: process.pid, [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};

function configFor({ routes, slowSecondary }: Load, origins: readonly string[]): string {
  const pathPrefix = Array.from({ length: routes }, (_, index) => `/r${index}`);
  return JSON.stringify({
    logging: { level: "warn" },
    wait: slowSecondary ? "primary" : "all",
    services: origins.map((url, index) => ({
      name: `b${index}`,
      url,
      primary: index === 0,
      ...(routes > 1 && { pathPrefix }),
    })),
  });
}
