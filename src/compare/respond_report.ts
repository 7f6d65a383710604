/** `GET /api/report`. */

import { printableJson } from "../lib/printable.ts";
import { makeReport } from "./make_report.ts";
import type { NoiseMark } from "./noise_marks.ts";
import { refuse, refuseMethod, respondText } from "./plain_response.ts";
import { readReportQuery } from "./report_query.ts";
import type { TallySnapshot } from "./tally_snapshot.ts";

/**
 * Answers with the report as JSON; the thresholds are query parameters.
 *
 * @param request The request.
 * @param snapshot What was counted, of all workers together; `undefined` where nothing is compared.
 * @param marks The fields that a person has called noise.
 * @returns 200 with a `Report`, 400 where a parameter is wrong, 404 where comparison is off, 405 for other methods.
 */
export function respondReport(
  request: Request,
  snapshot: TallySnapshot | undefined,
  marks: readonly NoiseMark[] = [],
): Response {
  const refused = refuseMethod(request);
  if (refused !== undefined) return refused;
  if (snapshot === undefined) return refuse(404, 'Comparison is off: the configuration has no "compare"');
  const reading = readReportQuery(new URL(request.url).searchParams);
  if (!reading.ok) return refuse(400, reading.problem);
  const report = makeReport(snapshot, reading.thresholds, marks);
  return respondText(request, "application/json", `${printableJson(JSON.stringify(report))}\n`);
}
