/** Samples of requests, without their secrets: enough to send a request again. */

import type { HeaderLine } from "../config/config.ts";
import { isForwardingField } from "../http/forwarding.ts";
import { getHeader } from "../http/headers.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { parseExactJson } from "../lib/exact_json.ts";
import { detachString } from "../lib/memory_budget.ts";
import { StepBudget, StepsExceeded } from "../lib/step_budget.ts";
import { bodyTypeOf, decodeText } from "./captured_response.ts";
import type { Redactor } from "./redactor.ts";
import type { RequestSample } from "./report.ts";
import { sampleOfJson, textOfJson } from "./sample_text.ts";

/** A request, and its body if it was kept. */
export interface KeptRequest {
  readonly clientRequest: ReceivedRequest;
  /** True if the request has a body. */
  readonly hasBody: boolean;
  /** The whole body; `undefined`: not kept. */
  readonly body: Uint8Array | undefined;
}

/** Maximum size of a body that is kept for samples, in bytes. */
export const MAX_SAMPLED_BODY_BYTES = 16_384;
/** Maximum characters of a body in a sample. */
const MAX_BODY_LENGTH = 4_096;
/** Maximum characters of a path, and of a query. */
const MAX_TARGET_LENGTH = 1_024;
/** Maximum characters of the value of a header field. */
const MAX_VALUE_LENGTH = 512;
/** Maximum characters of the name of a header field. */
const MAX_NAME_LENGTH = 128;
const MAX_LINES = 48;
/** Maximum characters of all header lines. */
const MAX_HEAD_LENGTH = 4_096;
/** Maximum steps for one body. If a body needs more, it is left out. */
const MAX_STEPS = 1_000_000;
/** Ratio of searched to shown text. A secret that is cut off might not be recognised. */
const SEARCH_FACTOR = 4;
/** One field of a form or a query, with the separator before it. */
const FIELD = /(^|[?&;])([^=&;?]{1,256})=([^&;]*)/g;

/** Returns the sample of a request. Its texts retain no other memory. */
export function sampleOfRequest({ clientRequest, hasBody, body }: KeptRequest, redactor: Redactor): RequestSample {
  const { authority, path, query, headers, contentLength } = clientRequest;
  const scheme = getHeader(headers, "x-forwarded-proto") === "https" ? "https" : "http";
  const shownPath = redactor.cleanPath(path.slice(0, SEARCH_FACTOR * MAX_TARGET_LENGTH));
  const shownQuery = cleanFields(query.slice(0, SEARCH_FACTOR * MAX_TARGET_LENGTH), redactor);
  const text = body === undefined ? undefined : textOfBody(headers, body, redactor);
  const isWhole = text !== undefined && text.length <= MAX_BODY_LENGTH;
  const bodyBytes = hasBody && !isWhole ? body?.length ?? contentLength : undefined;
  return {
    origin: detachString(`${scheme}://${authority}`, MAX_TARGET_LENGTH),
    target: detachString(shownPath, MAX_TARGET_LENGTH) + detachString(shownQuery, MAX_TARGET_LENGTH),
    headers: keptHeaders(headers, redactor),
    ...(text !== undefined && { body: detachString(text, MAX_BODY_LENGTH) }),
    ...(bodyBytes !== undefined && { bodyBytes }),
  };
}

function keptHeaders(lines: readonly HeaderLine[], redactor: Redactor): HeaderLine[] {
  // Conductor would refuse its own Via as a loop, and sets the other forwarding fields again.
  const own = lines.filter(([name]) => !isForwardingField(name));
  const kept: HeaderLine[] = [];
  let left = MAX_HEAD_LENGTH;
  for (const [name, value] of own) {
    const shown = redactor.hidesField("header", name.toLowerCase())
      ? redactor.replace(value)
      : redactor.clean(value.slice(0, SEARCH_FACTOR * MAX_VALUE_LENGTH));
    const line = [detachString(name, MAX_NAME_LENGTH), detachString(shown, MAX_VALUE_LENGTH)] as const;
    left -= line[0].length + line[1].length;
    if (left < 0 || kept.length === MAX_LINES) {
      kept.push(["…", `[${own.length - kept.length} more lines]`]);
      break;
    }
    kept.push(line);
  }
  return kept;
}

/** Returns the text of a body without secrets; `undefined` if it is no text, encoded, or too expensive to read. */
function textOfBody(headers: readonly HeaderLine[], body: Uint8Array, redactor: Redactor): string | undefined {
  if (body.length > MAX_SAMPLED_BODY_BYTES || getHeader(headers, "content-encoding") !== undefined) return undefined;
  const { format, charset } = bodyTypeOf(headers);
  const text = format === "binary" ? undefined : decodeText(body, charset);
  if (text === undefined) return undefined;
  if (redactor.hidesBody()) return redactor.replace(text);
  if (format === "form") return cleanFields(text, redactor);
  try {
    const parsed = parseExactJson(text, new StepBudget(MAX_STEPS));
    if (parsed === undefined) return redactor.clean(text);
    const shown = sampleOfJson(parsed.value, [], redactor, MAX_BODY_LENGTH + 1);
    // Without a secret, the text is shown as it was sent: it may have numbers in another spelling, and equal keys, of
    // which the paths of rules see the last one only.
    const isPlain = !redactor.hasJsonPaths && shown === textOfJson(parsed.value, MAX_BODY_LENGTH);
    return isPlain ? redactor.clean(text) : shown;
  } catch (error) {
    if (!(error instanceof StepsExceeded)) throw error;
    return undefined;
  }
}

/** Hides secret fields of a form or a query. All other bytes stay unchanged, because the text may be sent again. */
function cleanFields(text: string, redactor: Redactor): string {
  const shown = text.replaceAll(FIELD, (field, separator: string, name: string, value: string) => {
    return redactor.hidesParameter(name) ? `${separator}${name}=${redactor.replace(value)}` : field;
  });
  return redactor.clean(shown);
}
