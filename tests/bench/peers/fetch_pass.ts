/** Passes the body of a `fetch` response on. The bytes go from socket to socket within the runtime. */

import { parseArgs } from "@std/cli/parse-args";

if (import.meta.main) {
  const { origins } = parseArgs(Deno.args, { string: ["origins"] });
  const { addr } = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { status, body } = await fetch(`${origins!}${new URL(request.url).pathname}`);
    return new Response(body, { status });
  });
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
