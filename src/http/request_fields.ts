/** Header fields that conductor reads from each request. */

import type { HeaderLine } from "../config/config.ts";

/**
 * Values of the fields that each request is checked for, joined with commas like those of `getHeader`. One pass over the
 * lines instead of one for each field.
 */
export class RequestFields {
  host: string | undefined;
  via: string | undefined;
  traceparent: string | undefined;
  requestId: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;

  /** Reads the lines. */
  constructor(headers: readonly HeaderLine[]) {
    for (const [name, value] of headers) {
      switch (name.length) {
        case 3:
          if (name.toLowerCase() === "via") this.via = joined(this.via, value);
          break;
        case 4:
          if (name.toLowerCase() === "host") this.host = joined(this.host, value);
          break;
        case 11:
          if (name.toLowerCase() === "traceparent") this.traceparent = joined(this.traceparent, value);
          break;
        case 12:
          if (name.toLowerCase() === "x-request-id") this.requestId = joined(this.requestId, value);
          break;
        case 14:
          if (name.toLowerCase() === "content-length") this.contentLength = joined(this.contentLength, value);
          break;
        case 17:
          if (name.toLowerCase() === "transfer-encoding") this.transferEncoding = joined(this.transferEncoding, value);
      }
    }
  }
}

function joined(former: string | undefined, value: string): string {
  return former === undefined ? value : `${former}, ${value}`;
}
