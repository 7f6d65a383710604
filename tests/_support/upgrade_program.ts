/** A program for Node and Bun: sends an upgrade to the URL in its arguments, and prints what the service sends. */

import process from "node:process";
import { runtimeTransport } from "../../src/upstream/runtime_transport.ts";

const { signal } = new AbortController();
const result = await runtimeTransport()({
  method: "GET",
  origin: process.argv[2]!,
  target: "/",
  host: undefined,
  headers: [],
  upgrade: ["line"],
  body: null,
  signal,
});
if (!result.ok || result.response.tunnel === undefined) throw new Error(`Cannot upgrade: ${JSON.stringify(result)}`);
const { tunnel } = result.response;
await tunnel.write(new TextEncoder().encode("hello"));
tunnel.end();
let text = "";
for (let bytes; (bytes = await tunnel.read()) !== null;) text += new TextDecoder().decode(bytes);
tunnel.destroy();
console.log(text);
