/** The scripts in vtc/, which connect the client and the backend of varnishtest through conductor. */

import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";
import { LISTENERS, refusingUrl, startListening } from "../_support/servers.ts";

const SCRIPTS = new URL("./vtc/", import.meta.url);

async function hasVarnishtest(): Promise<boolean> {
  try {
    await new Deno.Command("varnishtest", { args: ["-h"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

const ignore = !await hasVarnishtest();
if (ignore) console.warn("varnishtest is not installed (Debian: varnish): its scripts are ignored");

for (
  const [name, listener] of [...Deno.readDirSync(SCRIPTS)].flatMap(({ name }) =>
    LISTENERS.map((listener) => [name, listener] as const)
  )
) {
  Deno.test({
    name: `varnishtest ${name} with the ${listener} listener`,
    ignore,
    async fn() {
      const url = refusingUrl();
      await using front = await startListening(listener, { services: [{ name: "all", url }], timeout: "2s" });
      const back = url.slice("http://".length);
      const macros = [`front=127.0.0.1:${front.port}`, `back=${back}`];
      const { success, stdout } = await new Deno.Command("varnishtest", {
        args: [...macros.flatMap((macro) => ["-D", macro]), "-t", "20", fileURLToPath(new URL(name, SCRIPTS))],
      }).output();
      assert(success, new TextDecoder().decode(stdout));
    },
  });
}
