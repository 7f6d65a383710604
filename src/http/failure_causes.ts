/**
 * Usual causes of failures: one declaration of their recognition, their messages and their rows in
 * docs/reference/outcomes.md.
 */

/** A cause that can be recognised by the words of the platform. */
interface FailureCause {
  /** Matches the words of the platform. */
  readonly pattern: RegExp;
  /** Returns the cause and the remedy, for operators. */
  readonly message: (match: RegExpExecArray, address: string) => string;
  /** The same with placeholders, for the documentation. */
  readonly example: string;
}

/** The first match counts. Words of Deno (rustls), then of Bun and Node (OpenSSL). */
const FAILURE_CAUSES: readonly FailureCause[] = [
  {
    // rustls has two forms, with and without the date.
    pattern: /certificate:? expired(?:.*not valid after (\d+))?|certificate has expired/i,
    message: ([, seconds]) => `certificate has expired${onDay(seconds)}: renew it`,
    example: "certificate has expired on 2026-11-01: renew it",
  },
  {
    pattern: /certificate not valid yet(?:.*not valid before (\d+))?|certificate is not yet valid/i,
    message: ([, seconds]) =>
      `certificate is not valid yet${seconds ? `, only from ${day(seconds)}` : ""}: check the clocks`,
    example: "certificate is not valid yet, only from 2026-12-15: check the clocks",
  },
  {
    pattern: /UnknownIssuer|self[- ]signed certificate|unable to (?:get|verify)[\w ]*certificate/i,
    message: () => "certificate has an unknown issuer: set `tls.ca` to the certificate of its authority",
    example: "certificate has an unknown issuer: set `tls.ca` to the certificate of its authority",
  },
  {
    pattern: /CaUsedAsEndEntity/,
    message: () =>
      "certificate is one of an authority (CA:TRUE): use a server certificate that this authority has issued",
    example: "certificate is one of an authority (CA:TRUE): use a server certificate that this authority has issued",
  },
  {
    pattern: /certificate not valid for name "([^"]*)"(?:; certificate is only valid for (.*))?/i,
    message: ([, name, names]) =>
      `certificate is not valid for "${name}"${
        names ? `, only for ${plainNames(names)}` : ""
      }: correct the host in \`url\`, or set \`tls.serverName\``,
    example:
      'certificate is not valid for "localhost", only for api.example: correct the host in `url`, or set `tls.serverName`',
  },
  {
    pattern: /NotValidForName|does not match certificate's altnames/i,
    message: () => "certificate is not valid for this host: correct the host in `url`, or set `tls.serverName`",
    example: "certificate is not valid for this host: correct the host in `url`, or set `tls.serverName`",
  },
  {
    pattern: /CertificateRequired|certificate required/i,
    message: () => "service requires a client certificate: set `tls.cert` and `tls.key`",
    example: "service requires a client certificate: set `tls.cert` and `tls.key`",
  },
  {
    pattern:
      /fatal alert: (?:UnknownCA|BadCertificate|CertificateUnknown|CertificateExpired|CertificateRevoked|AccessDenied)/,
    message: () => "service rejects the client certificate: see its log, and `tls.cert`",
    example: "service rejects the client certificate: see its log, and `tls.cert`",
  },
  {
    pattern: /InvalidContentType|wrong version number|packet length too long/i,
    message: (_, address) => `service does not use TLS at ${address}: write \`http:\` in its \`url\`, or its TLS port`,
    example: "service does not use TLS at 10.0.0.7:8081: write `http:` in its `url`, or its TLS port",
  },
  {
    pattern: /read a TLS alert/,
    message: (_, address) => `service expects TLS at ${address}: write \`https:\` in its \`url\``,
    example: "service expects TLS at 10.0.0.7:8443: write `https:` in its `url`",
  },
  {
    pattern: /read an HTTP\/2 frame/,
    message: (_, address) => `service uses HTTP/2 only at ${address}: set \`http2: true\``,
    example: "service uses HTTP/2 only at 10.0.0.7:8081: set `http2: true`",
  },
  {
    pattern: /frame with invalid size/,
    message: (_, address) => `service does not use HTTP/2 at ${address}: remove \`http2\``,
    example: "service does not use HTTP/2 at 10.0.0.7:8081: remove `http2`",
  },
  {
    pattern: /Requires (?:read|write) access to|Requires net access to "unix:/,
    message: (_, address) => {
      const path = address.replace(/^unix:/, "");
      return `permission denied: run with --allow-net=unix:${path} --allow-read=${path} --allow-write=${path}`;
    },
    example:
      "permission denied: run with --allow-net=unix:/run/app.sock --allow-read=/run/app.sock --allow-write=/run/app.sock",
  },
  {
    pattern: /No such file or directory/,
    message: (_, address) => `no socket at ${address}: start the service, or correct its \`url\``,
    example: "no socket at unix:/run/app.sock: start the service, or correct its `url`",
  },
  {
    pattern: /^Permission denied/,
    message: (_, address) => `permission denied at ${address}: conductor's user needs write access to the socket`,
    example: "permission denied at unix:/run/app.sock: conductor's user needs write access to the socket",
  },
  {
    pattern: /Requires net access to/,
    message: (_, address) => `permission denied: add ${address} to the list of --allow-net`,
    example: "permission denied: add 10.0.0.7:8081 to the list of --allow-net",
  },
  {
    pattern: /too many open files|EMFILE|ENFILE/i,
    message: () => "too many open files: raise `ulimit -n`, or lower `limits.maxConnectionsPerService`",
    example: "too many open files: raise `ulimit -n`, or lower `limits.maxConnectionsPerService`",
  },
  {
    pattern: /failed to lookup|dns error|getaddrinfo|ENOTFOUND|EAI_AGAIN/i,
    message: (_, address) => `host name not found: ${hostOf(address)}; correct the host in \`url\`, or its DNS entry`,
    example: "host name not found: api.internal; correct the host in `url`, or its DNS entry",
  },
  {
    pattern: /connection refused|ECONNREFUSED|ConnectionRefused/i,
    message: (_, address) => `connection refused at ${address}: start the service, or correct its \`url\``,
    example: "connection refused at 10.0.0.7:8081: start the service, or correct its `url`",
  },
  {
    pattern: /unreachable|ENETUNREACH|EHOSTUNREACH|no route to host/i,
    message: (_, address) => `host or network unreachable at ${address}: check its address and the routing`,
    example: "host or network unreachable at 10.0.0.7:8081: check its address and the routing",
  },
  {
    pattern: /^no connection within (.*)$|connection timed out|ETIMEDOUT/i,
    message: ([, duration], address) =>
      `no connection to ${address}${duration ? ` within ${duration}` : " in time"}: check its host, port and firewall`,
    example: "no connection to 10.0.0.7:8081 within 2 s: check its host, port and firewall",
  },
  {
    pattern: /^no response(?: head)? within (.*)$/,
    message: ([, duration], address) =>
      `no response head from ${address} within ${duration}: service is slow, or \`timeout\` is short`,
    example: "no response head from 10.0.0.7:8081 within 30 s: service is slow, or `timeout` is short",
  },
  {
    pattern: /^no byte of the body within (.*)$/,
    message: ([, duration], address) => `response body from ${address} stopped for ${duration}`,
    example: "response body from 10.0.0.7:8081 stopped for 30 s",
  },
  {
    pattern: /connection reset by peer|ECONNRESET|os error 104|os error 10054/i,
    message: (_, address) => `connection reset by ${address}: see the log of the service`,
    example: "connection reset by 10.0.0.7:8081: see the log of the service",
  },
  {
    pattern: /^connection closed (before|within) the response|connection (closed) before message|reading a (body)/,
    message: ([, position, isBefore], address) =>
      `connection closed by ${address} ${
        position ?? (isBefore ? "before" : "within")
      } the response: see the log of the service`,
    example: "connection closed by 10.0.0.7:8081 before the response: see the log of the service",
  },
];

/** Messages of all usual causes, for the documentation. */
export const CAUSE_EXAMPLES: readonly string[] = FAILURE_CAUSES.map(({ example }) => example);

/** Returns the usual cause of the platform's words, with its remedy; `undefined` if none is recognised. */
export function causeOf(error: string, address: string): string | undefined {
  for (const { pattern, message } of FAILURE_CAUSES) {
    const match = pattern.exec(error);
    if (match !== null) return message(match, address);
  }
  return undefined;
}

function onDay(seconds: string | undefined): string {
  return seconds ? ` on ${day(seconds)}` : "";
}

function day(seconds: string): string {
  const date = new Date(Number(seconds) * 1_000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString().slice(0, 10);
}

/** Converts `DnsName("a.example") or DnsName("b.example")` to `a.example, b.example`. */
function plainNames(names: string): string {
  const found = [...names.matchAll(/"([^"]*)"|IpAddress\(([^)]*)\)/g)].map(([, name, address]) => name ?? address);
  return found.length === 0 ? names : found.slice(0, 3).join(", ") + (found.length > 3 ? ", …" : "");
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}
