import { assertEquals } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import { validateConfig } from "../../src/config/validate.ts";
import type { ReceivedRequest } from "../../src/http/received_request.ts";
import { type UpstreamRequest, upstreamRequestFor } from "../../src/http/upstream_request.ts";

const RECEIVED: ReceivedRequest = {
  requestId: "id-1",
  method: "GET",
  path: "/api/users",
  matchPath: "/api/users",
  query: "",
  authority: "shop.example",
  contentLength: undefined,
  headers: [["accept", "*/*"], ["cookie", "sid=1"], ["Authorization", "Bearer x"], ["via", "1.1 conductor-1"]],
};

function requestTo(service: Partial<ServiceInput>, request: Partial<ReceivedRequest> = {}): UpstreamRequest {
  const input = {
    name: "api",
    url: "http://backend:81",
    ...("path" in service || "pathExact" in service ? {} : { pathPrefix: "/api" }),
    ...service,
  };
  const { config } = validateConfig({ services: [input] });
  const route = config.routes[0]!;
  return upstreamRequestFor({ ...RECEIVED, ...request }, route, route.members[0]!);
}

// Columns: the service; the path and query as received; the requested URL.
const TARGETS: readonly (readonly [service: Partial<ServiceInput>, path: string, query: string, url: string])[] = [
  [{}, "/api/users", "", "http://backend:81/api/users"],
  [{}, "/api/users/", "?a=1&a=2", "http://backend:81/api/users/?a=1&a=2"],
  [{}, "/api/a%2Fb%20c", "?q=%2F+%20'x'", "http://backend:81/api/a%2Fb%20c?q=%2F+%20'x'"],
  [{ url: "http://backend:81/base/" }, "/api/users", "", "http://backend:81/base/api/users"],
  [{ url: "http://backend:81/base", stripPrefix: true }, "/api", "", "http://backend:81/base"],
  [{ url: "http://backend:81/base", stripPrefix: true }, "/api/", "", "http://backend:81/base/"],
  [{ stripPrefix: true }, "/api/users", "?x", "http://backend:81/users?x"],
  [{ stripPrefix: true }, "/api", "?x", "http://backend:81/?x"],
  [{ stripPrefix: true }, "/%61pi/users", "", "http://backend:81/users"],
  [{ stripPrefix: true }, "/api//evil.example/x", "", "http://backend:81//evil.example/x"],
  [{ stripPrefix: true, pathPrefix: "/" }, "/api/users", "", "http://backend:81/api/users"],
  [{ stripPrefix: true, path: "/api" }, "/api/users", "", "http://backend:81/users"],
  [{ stripPrefix: true, pathExact: "/api/x" }, "/api/x", "", "http://backend:81/api/x"],
  [{ pathPrefix: "/" }, "//evil.example/x", "", "http://backend:81//evil.example/x"],
];

for (const [service, path, query, url] of TARGETS) {
  Deno.test(`upstreamRequestFor() requests ${url} for ${path}${query} and ${JSON.stringify(service)}`, () => {
    const { origin, target } = requestTo(service, { path, query });
    assertEquals(origin + target, url);
  });
}

Deno.test("upstreamRequestFor() forwards the client's headers, adds the role, and sets the service's headers", () => {
  const { headers } = requestTo({ headers: { "X-Proxy-Service": "api", "accept": "application/json" } });
  assertEquals(headers, [
    ["cookie", "sid=1"],
    ["Authorization", "Bearer x"],
    ["via", "1.1 conductor-1"],
    ["x-conductor-role", "primary"],
    ["X-Proxy-Service", "api"],
    ["accept", "application/json"],
  ]);
});

Deno.test("upstreamRequestFor() replaces and removes every spelling that a backend may read as the same field", () => {
  const { headers } = requestTo({ headers: { "X-Tenant": "a" }, removeHeaders: ["X-Internal-User"] }, {
    headers: [["x_tenant", "b"], ["x-tenant", "b"], ["X_Internal_User", "root"], ["x.internal-user", "root"], [
      "x-user",
      "c",
    ]],
  });
  assertEquals(headers, [["x-user", "c"], ["x-conductor-role", "primary"], ["X-Tenant", "a"]]);
});

Deno.test("upstreamRequestFor() removes the fields of removeHeaders, and ignores case", () => {
  const { headers } = requestTo({ removeHeaders: ["Cookie", "authorization", "X-Conductor-Role"] });
  assertEquals(headers, [["accept", "*/*"], ["via", "1.1 conductor-1"]]);
});

Deno.test("upstreamRequestFor() sends the backend's own Host, the client's, or a literal", () => {
  assertEquals(requestTo({}).host, undefined);
  assertEquals(requestTo({ host: "target" }).host, undefined);
  assertEquals(requestTo({ host: "preserve" }).host, "shop.example");
  assertEquals(requestTo({ host: "internal.example:8443" }).host, "internal.example:8443");
});
