/** The admin handler below a path of another server. */

import type { ConnectionInfo } from "../http/client_request.ts";
import { withoutTrailingSlashes } from "../lib/trailing_slashes.ts";
import type { AdminSource } from "./api.ts";
import { type AdminHandler, createAdminHandler } from "./handler.ts";

/** Options of {@linkcode createMountedAdmin}. */
export interface MountedAdminOptions {
  /** Token that clients must send; `undefined`: only requests to a loopback host are accepted. */
  readonly token: string | undefined;
  /** Path of the handler, for example `/conductor`; empty: the root. */
  readonly path: string;
}

/** Creates the admin handler. Requests outside its path get 404. */
export function createMountedAdmin(source: AdminSource, { token, path }: MountedAdminOptions): AdminHandler {
  const base = withoutTrailingSlashes(path);
  const handler = createAdminHandler(source, { hostname: "localhost", port: undefined, token });

  async function handle(request: Request, connection?: Pick<ConnectionInfo, "remoteAddr">): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === base && base !== "") {
      // The page loads its files by relative paths.
      return new Response(null, { status: 308, headers: { location: `${base}/${url.search}` } });
    }
    if (!url.pathname.startsWith(`${base}/`)) return new Response("Not found.\n", { status: 404 });
    url.pathname = url.pathname.slice(base.length);
    const headers = new Headers(request.headers);
    if (!headers.has("host")) headers.set("host", url.host);
    const response = await handler.handle(new Request(new Request(url, request), { headers }), connection);
    const location = response.headers.get("location");
    if (base === "" || location === null) return response;
    const moved = new Headers(response.headers);
    moved.set("location", base + location);
    const cookie = moved.get("set-cookie");
    if (cookie !== null) moved.set("set-cookie", cookie.replace(/; Path=/, `; Path=${base}`));
    return new Response(response.body, { status: response.status, headers: moved });
  }

  return { handle, close: () => handler.close() };
}
