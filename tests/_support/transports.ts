/** The ways to a backend that the conformance tables are run over. Where they differ, the tables say so, and why. */

import { fetchTransport, type Transport } from "@zeek/conductor";
import { http1Transport } from "../../src/upstream/http1/http1.ts";

/** A transport's name in the tests that it is tested by: "… over fetch". */
export type TransportName = "sockets" | "fetch";

/** Each of them with the means to make one; one that is new holds no connection of another test's. */
export const TRANSPORTS: readonly (readonly [over: TransportName, create: () => Transport])[] = [
  ["sockets", () => http1Transport()],
  ["fetch", () => fetchTransport()],
];
