/** `GET /api/mismatches`. */

import { printableJson } from "../lib/printable.ts";
import type { MismatchFeed } from "./mismatch_feed.ts";
import { refuse, refuseMethod, respondText } from "./plain_response.ts";

/**
 * Answers with the latest mismatches as lines of JSON, each a `MismatchEntry`, oldest first. `?after=ID` gives those that
 * came after that one: who asks again with the last id misses none, as long as it is still kept.
 *
 * @param request The request.
 * @param feed The mismatches; `undefined` where nothing is compared.
 * @returns 200 with the lines, 400 where `after` is no id, 404 where comparison is off, 405 for other methods.
 */
export function respondMismatches(request: Request, feed: Pick<MismatchFeed, "after"> | undefined): Response {
  const refused = refuseMethod(request);
  if (refused !== undefined) return refused;
  if (feed === undefined) return refuse(404, 'Comparison is off: the configuration has no "compare"');
  const after = new URL(request.url).searchParams.get("after") ?? "0";
  if (!/^\d{1,15}$/.test(after)) return refuse(400, `Cannot go on after "${after}" as "after" must be an entry's id`);
  const lines = feed.after(Number(after)).map((entry) => `${printableJson(JSON.stringify(entry))}\n`);
  return respondText(request, "application/x-ndjson", lines.join(""));
}
