/** A worker that crashes on command and serves requests until then. */

import { runWorker } from "../../src/cli/worker.ts";

/** Workers announce here, by name, that they have loaded, and receive the name of the worker to crash. */
const channel = new BroadcastChannel("crashing workers");

const { addEventListener } = globalThis;
// The worker's handler for uncaught errors would also catch the error below.
globalThis.addEventListener = (...args: Parameters<typeof addEventListener>) => {
  if (args[0] !== "error") addEventListener(...args);
};
channel.onmessage = ({ data }) => {
  if (data.crash === globalThis.name) throw new Error("crashed on purpose");
};
runWorker();
channel.postMessage({ loaded: globalThis.name });
