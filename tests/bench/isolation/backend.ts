/** A backend in a process of its own: without an argument it answers at once, with one in that manner. */

import { startRawBackend } from "../../_support/servers.ts";
import { startTroubled, TROUBLES } from "../../_support/troubles.ts";
import { answerPlainly } from "./plain_backend.ts";

/** Within the time-out, and long enough that hundreds of requests are in flight at once. */
const LATE_MS = 300;

const [manner = "is healthy"] = Deno.args;
const trouble = TROUBLES.find((trouble) => trouble === manner);
const lateMs = manner === "responds late" ? LATE_MS : 0;
const { url } = trouble === undefined
  ? startRawBackend((connection) => answerPlainly(connection, lateMs))
  : await startTroubled(trouble);
console.log(`listening on ${url}`);
if (trouble === "refuses") await new Promise(() => setInterval(() => {}, 60_000));
