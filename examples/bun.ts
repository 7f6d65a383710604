/**
 * Conductor in Bun.
 *
 * ```sh
 * bunx jsr add @zeek/conductor
 * bun examples/bun.ts 8080
 * ```
 *
 * @module
 */
import { conductor } from "@zeek/conductor";
import process from "node:process";

/** Part of Bun's types. Remove it if `@types/bun` is installed. */
declare const Bun: {
  serve(options: {
    port: number;
    fetch(request: Request, server: { requestIP(request: Request): { address: string } | null }): Promise<Response>;
  }): { url: URL };
};

const handle = conductor({
  timeout: 5,
  services: [
    { name: "api-primary", url: "http://localhost:8081", pathPrefix: "/api", primary: true },
    { name: "api-secondary", url: "http://localhost:8082", pathPrefix: "/api" },
  ],
});

const { url } = Bun.serve({
  port: Number(process.argv[2] ?? process.env.PORT ?? 8080),
  fetch(request, server) {
    const address = server.requestIP(request)?.address;
    return handle(request, address ? { remoteAddr: { hostname: address } } : {});
  },
});
console.log(`Listening on ${url}`);
