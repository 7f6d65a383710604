/** A transport that answers at once. */

import type { Transport, TransportRequest } from "@zeek/conductor";

/**
 * Makes a transport whose every answer is an empty 200.
 *
 * @param sent Gets every request.
 * @returns The transport.
 */
export function answerAll(sent: TransportRequest[] = []): Transport {
  return (request) => {
    sent.push(request);
    return Promise.resolve({ ok: true, response: { status: 200, headers: [], body: null } });
  };
}
