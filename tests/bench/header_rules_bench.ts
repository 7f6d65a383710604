/** Cost of receiving a request's head and of creating the heads for services. */

import type { HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { forwardingHeaders } from "../../src/http/forwarding.ts";
import { setHeaders, stripHopByHop } from "../../src/http/headers.ts";
import { receive } from "../../src/http/received_request.ts";
import { FetchRequest } from "../../src/proxy/fetch_handler.ts";
import { upstreamRequestFor } from "../../src/http/upstream_request.ts";

/** Header lines of a browser. */
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
const context = { config, isTrusted: () => false, pseudonym: "conductor-00000000" };
const request = new Request("http://shop.example/api/users/7?full=1", { headers: LINES.map(([n, v]) => [n, v]) });
const forwardingInfo = {
  clientAddress: "192.0.2.7",
  authority: "shop.example",
  scheme: "http",
  trusted: false,
  forwarded: false,
  pseudonym: "conductor-00000000",
  requestId: "0",
};
const { received } = receive(new FetchRequest(request, info), undefined, context);
const [route] = config.routes;
const [member] = route!.members;

Deno.bench("receive() a request with 12 header lines", () => {
  receive(new FetchRequest(request, info), undefined, context);
});
Deno.bench("stripHopByHop() of 12 lines", () => {
  stripHopByHop(LINES);
});
Deno.bench("forwardingHeaders() of 12 lines", () => {
  forwardingHeaders(LINES, forwardingInfo);
});
Deno.bench("setHeaders() sets one line among 12", () => {
  setHeaders(LINES, [["x-conductor-role", "primary"]]);
});
Deno.bench("upstreamRequestFor() one service", () => {
  upstreamRequestFor(received, route!, member!);
});
