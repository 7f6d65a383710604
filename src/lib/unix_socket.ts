/** Addresses of Unix sockets: `unix:/run/app.sock`, and `http+unix://%2Frun%2Fapp.sock` as the origin of URLs. */

/** Origin of requests to Unix sockets. Their own is no URL for `fetch`, and has no authority for the Host field. */
export const LOCAL_ORIGIN = "http://localhost";
/** Address of peers on Unix sockets, which have none. */
export const UNIX_PEER = "unix";

/** Longest path that Linux and macOS accept, in bytes. */
export const MAX_SOCKET_PATH_BYTES = 103;

const ADDRESS = /^unix:(?:\/\/(?=\/))?(\/.*)$/s;
const ORIGIN = /^http\+unix:\/\/([^/]+)$/i;

/** Returns the path of a socket's address or origin; `undefined` for other texts. */
export function socketPath(text: string): string | undefined {
  const [, path] = ADDRESS.exec(text) ?? [];
  if (path !== undefined) return path;
  const [, encoded] = ORIGIN.exec(text) ?? [];
  return encoded === undefined ? undefined : decode(encoded);
}

/** Returns the origin of URLs for the service at a socket. */
export function socketOrigin(path: string): string {
  return `http+unix://${encodeURIComponent(path)}`;
}

/** Reports whether the system accepts a path as the address of a socket. */
export function isSocketPath(path: string): boolean {
  return path.startsWith("/") && !path.includes("\0") && !path.endsWith("/") &&
    new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES;
}

/** Address to listen on: a host or the address of a Unix socket, and a port, which a Unix socket does not have. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Reports whether two addresses cannot be open at the same time: the same Unix socket, or the same port. */
export function isSameAddress(a: ListenAddress, b: ListenAddress): boolean {
  const [path, otherPath] = [socketPath(a.hostname), socketPath(b.hostname)];
  return path === otherPath && (path !== undefined || a.port === b.port);
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
