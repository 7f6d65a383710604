/** Answers of the comparison's own pages: what may be asked for, and how it is refused. */

/** What answers a request of the admin listener is never to be kept by a cache. */
const NO_STORE = { "cache-control": "no-store" };

/**
 * Answers with a text.
 *
 * @param request What was asked; HEAD gets no body.
 * @param type The content type.
 * @param text The body.
 * @returns The response.
 */
export function respondText(request: Request, type: string, text: string): Response {
  return new Response(request.method === "HEAD" ? null : text, { headers: { ...NO_STORE, "content-type": type } });
}

/**
 * Refuses a request with problem details (RFC 9457).
 *
 * @param status The status code.
 * @param detail Why, in one sentence.
 * @param headers Further header fields.
 * @returns The response.
 */
export function refuse(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify({ status, detail }), {
    status,
    headers: { ...NO_STORE, ...headers, "content-type": "application/problem+json" },
  });
}

/**
 * Refuses what is neither GET nor HEAD.
 *
 * @param request What was asked.
 * @returns The response; `undefined` where the method may be used.
 */
export function refuseMethod({ method }: Request): Response | undefined {
  if (method === "GET" || method === "HEAD") return undefined;
  return refuse(405, `Cannot use ${method} as only GET and HEAD are known here`, { allow: "GET, HEAD" });
}
