/**
 * Conductor as a server in Node 20 or later.
 *
 * ```sh
 * npx jsr add @zeek/conductor
 * node examples/node.ts 8080
 * ```
 *
 * Node runs this file from version 22.18 on. It has no types, so that earlier versions run it as `node.mjs`.
 *
 * @module
 */
import { serve } from "@zeek/conductor";
import process from "node:process";

const server = await serve({
  port: Number(process.argv[2] ?? process.env.PORT ?? 8080),
  timeout: 5,
  clientTimeouts: { header: "10s", idle: "1m" },
  services: [
    { name: "api-primary", url: "http://localhost:8081", pathPrefix: "/api", primary: true, upgrade: true },
    { name: "api-secondary", url: "http://localhost:8082", pathPrefix: "/api" },
  ],
});
console.log(`Listening on ${server.url}`);

// Requests in flight complete first, for up to 10 seconds.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.close());
