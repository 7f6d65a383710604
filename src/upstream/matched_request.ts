/** A request that has a route. */

import type { Route } from "../config/config.ts";
import type { ReceivedRequest } from "../http/client_request.ts";
import type { RequestBody } from "../body/request_body.ts";

/** What is sent to every service of a route. */
export class MatchedRequest {
  /** The client's request. */
  readonly clientRequest: ReceivedRequest;
  /** Its route. */
  readonly route: Route;
  /** Its body, to be shared. */
  readonly body: RequestBody;

  /**
   * Puts the parts together.
   *
   * @param clientRequest The client's request.
   * @param route Its route.
   * @param body Its body, to be shared. Default: none.
   */
  constructor(clientRequest: ReceivedRequest, route: Route, body: RequestBody = null) {
    this.clientRequest = clientRequest;
    this.route = route;
    this.body = body;
  }
}
