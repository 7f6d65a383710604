/**
 * Conductor as a server in Bun.
 *
 * ```sh
 * bunx jsr add @zeek/conductor
 * bun examples/bun.ts 8080
 * ```
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
