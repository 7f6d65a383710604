/** A worker that crashes when it is told to, and serves like any other until then. */

import { runWorker } from "../../src/cli/worker.ts";

/** Where workers say that they have been loaded, by their name, and hear which of them is to crash. */
const channel = new BroadcastChannel("crashing workers");

const { addEventListener } = globalThis;
// What takes stray errors in a worker would take the one below too.
globalThis.addEventListener = (...args: Parameters<typeof addEventListener>) => {
  if (args[0] !== "error") addEventListener(...args);
};
channel.onmessage = ({ data }) => {
  if (data.crash === globalThis.name) throw new Error("crashed on purpose");
};
runWorker();
channel.postMessage({ loaded: globalThis.name });
