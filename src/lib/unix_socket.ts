/** Addresses of Unix sockets: `unix:/run/app.sock`, and `http+unix://%2Frun%2Fapp.sock` as the origin of URLs. */

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

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
