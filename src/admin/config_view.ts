/** The current configuration without its secrets, for `/config`. */

import type { Config, HeaderLine, Service } from "../config/config.ts";
import { createRedaction, redacted } from "../observe/redaction.ts";

/** Fields whose values are always secrets. */
const SECRET_KEYS: ReadonlySet<string> = new Set(["key", "token"]);

/**
 * Returns a configuration as plain data, with values of placeholders, keys, tokens and credentials redacted. Defaults
 * are filled in, units are resolved, and `null` means no limit.
 */
export function viewConfig(config: Config): unknown {
  const redaction = createRedaction(config);
  const { secrets: _, shownHostname, services, routes, admin, ...shown } = config;

  function view(value: unknown, key = ""): unknown {
    if (typeof value === "string") return SECRET_KEYS.has(key) ? redacted(value) : redaction.text(value);
    if (value === Infinity) return null;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => view(item));
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, view(item, name)]));
  }

  function viewService(service: Service): unknown {
    const fields = (lines: readonly HeaderLine[]) => Object.fromEntries(lines.map((line) => redaction.line(line)));
    return {
      ...view(withShownTexts(service)) as Record<string, unknown>,
      headers: fields(service.headers),
      responseHeaders: fields(service.responseHeaders),
    };
  }

  return {
    ...view({ ...shown, hostname: shownHostname }) as Record<string, unknown>,
    admin: view(admin && { port: admin.port, hostname: admin.shownHostname, token: admin.token }),
    services: services.map(viewService),
    routes: routes.map(({ kind, path, members }) => ({
      kind,
      path: view(path),
      members: members.map(({ service, role }) => ({ service: view(service.name), role })),
    })),
  };
}

/** Shows a URL with placeholders as written, because its parts are known only after resolving. */
function withShownTexts({ shown, ...service }: Service): Omit<Service, "shown"> {
  const { url, isUrlSecret, healthPath = "", serverName } = shown;
  const { health, tls } = service;
  return {
    ...service,
    ...(isUrlSecret && { origin: url, basePath: "" }),
    health: health && { ...health, path: healthPath },
    tls: tls && { ...tls, serverName },
  };
}
