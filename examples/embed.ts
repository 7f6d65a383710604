/**
 * Conductor in your own server: `/api` goes to the services, all other paths stay in the server.
 *
 * ```sh
 * deno run --allow-net examples/embed.ts
 * ```
 *
 * @module
 */
import { conductor } from "@zeek/conductor";

const handle = conductor({
  timeout: 5,
  services: [
    { name: "api-primary", url: "http://localhost:8081", pathPrefix: "/api", primary: true },
    { name: "api-secondary", url: "http://localhost:8082", pathPrefix: "/api" },
  ],
});

Deno.serve({ port: 8080 }, (request, info) => {
  const path = URL.parse(request.url)?.pathname;
  return path === "/health" ? new Response("up") : handle(request, info);
});
