/** Cost of validating a request head, and of creating the heads for the backends. */

import type { HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { forwardingLines } from "../../src/http/forwarding.ts";
import { setHeaders, stripHopByHop } from "../../src/http/headers.ts";
import { receive } from "../../src/http/client_request.ts";
import { upstreamRequestFor } from "../../src/http/upstream_request.ts";

/** A typical request head of a browser. */
const LINES: readonly HeaderLine[] = [
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-encoding", "gzip, deflate, br"],
  ["accept-language", "en,de;q=0.5"],
  ["cache-control", "max-age=0"],
  ["connection", "keep-alive"],
  ["cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"],
  ["host", "shop.example"],
  ["referer", "https://shop.example/"],
  ["sec-fetch-dest", "document"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-site", "same-origin"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
];

const { config } = validateConfig({ services: [{ name: "api", url: "http://127.0.0.1:1" }] });
const info = { remoteAddr: { hostname: "192.0.2.7" } };
const options = { config, isTrusted: () => false, pseudonym: "conductor-00000000" };
const request = new Request("http://shop.example/api/users/7?full=1", { headers: LINES.map(([n, v]) => [n, v]) });
const facts = {
  clientAddress: "192.0.2.7",
  authority: "shop.example",
  scheme: "http",
  trusted: false,
  forwarded: false,
  pseudonym: "conductor-00000000",
  requestId: "0",
};
const { clientRequest } = receive(request, info, options);
const [route] = config.routes;
const [member] = route!.members;

Deno.bench("receive() a request with 12 header lines", () => {
  receive(request, info, options);
});
Deno.bench("endToEndLines() of 12 lines", () => {
  stripHopByHop(LINES);
});
Deno.bench("forwardingLines() of 12 lines", () => {
  forwardingLines(LINES, facts);
});
Deno.bench("withFields() sets one line among 12", () => {
  setHeaders(LINES, [["x-conductor-role", "primary"]]);
});
Deno.bench("outboundFor() one service", () => {
  upstreamRequestFor(clientRequest, route!, member!);
});
