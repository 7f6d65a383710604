/** `/api/noise`: a person calls a field noise, and gets the lines that keep it so. */

import { parseBodyPath } from "../config/body_path.ts";
import { readBoundedText, SHORT_BODY_TIMEOUT_MS } from "../lib/bounded_text.ts";
import { MAX_MARKS, type NoiseMark, type NoiseMarks } from "./noise_marks.ts";
import { refuse, respondText } from "./plain_response.ts";

const MAX_BYTES = 8_192;
const MAX_TEXT_LENGTH = 1_024;

/**
 * Answers with all marks as lines of the configuration, in YAML; POST with a {@linkcode NoiseMark} as JSON adds one before.
 *
 * @param request The request.
 * @param marks The marks.
 * @returns 200 with the lines, 400 where the body is no mark, 405 for other methods, 409 where there are too many, 415
 * where it is not sent as JSON.
 * @throws {IncompleteBody} If the body fails, or is not complete within 10 s.
 */
export async function respondNoise(request: Request, marks: NoiseMarks): Promise<Response> {
  const { method } = request;
  if (method === "POST") {
    // A form on a foreign page can send any text, but not under this type.
    if (!/^application\/json *(?:;|$)/i.test(request.headers.get("content-type") ?? "")) {
      return refuse(415, "A mark must be sent as application/json");
    }
    const mark = await readMark(request);
    if (mark === undefined) {
      return refuse(400, 'A mark must be JSON with the texts "route" and "path", and "endpoint" and "service" or not');
    }
    const path = parseBodyPath(mark.path);
    // The lines of the answer would be refused.
    if ("fault" in path) return refuse(400, `Cannot use "${mark.path}" as "path" must have ${path.fault}`);
    if (!marks.markNoise(mark)) return refuse(409, `There are ${MAX_MARKS} marks: put them into the configuration`);
  } else if (method !== "GET" && method !== "HEAD") {
    return refuse(405, `Cannot use ${method} as only GET, HEAD and POST are known here`, { allow: "GET, HEAD, POST" });
  }
  return respondText(request, "application/yaml", marks.asConfig());
}

async function readMark(request: Request): Promise<NoiseMark | undefined> {
  const text = await readBoundedText(request.body, MAX_BYTES, { timeoutMs: SHORT_BODY_TIMEOUT_MS });
  let body: unknown;
  try {
    body = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  const { route, endpoint, service, path }: Readonly<Record<string, unknown>> = { ...body };
  if (!isText(route) || !isText(path)) return undefined;
  if ((endpoint !== undefined && !isText(endpoint)) || (service !== undefined && !isText(service))) return undefined;
  return { route, path, ...(endpoint !== undefined && { endpoint }), ...(service !== undefined && { service }) };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_TEXT_LENGTH;
}
