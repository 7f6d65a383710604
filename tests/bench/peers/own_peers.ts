/** Peers that the benchmark starts itself. */

import { hasCommand, startChild, startDenoProgram } from "../../_support/child.ts";
import type { Peer } from "./peer.ts";
import { fileURLToPath } from "node:url";
import type { Load } from "../loads.ts";
import { startCli, tempConfig } from "../../_support/cli_process.ts";
import { freePort, untilListening } from "../../_support/ports.ts";

/** Name of the baseline of all ratios. */
export const BASELINE = "fetch";

/** The primary without a proxy: the lower bound of the latency over one connection. */
const BACKEND_ALONE: Peer = {
  name: "backend",
  supports: ({ connections }) => connections === 1,
  start: (_, [url]) => Promise.resolve({ url: url!, pid: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }),
};

/** Returns the peers that this machine can start. nginx is among them if it is installed. */
export async function ownPeers(): Promise<Peer[]> {
  return [
    conductorPeer,
    denoPeer("fetch_fan_out.ts", { name: BASELINE, supports: () => true }),
    denoPeer("sketch.ts", { name: "sketch", supports: ({ bodyBytes }) => bodyBytes === 0 }),
    boundPeer,
    ...await hasCommand("nginx", ["-v"]) ? [nginxPeer] : [],
    BACKEND_ALONE,
  ];
}

/** Options of {@linkcode denoPeer}. */
export interface DenoPeerOptions extends Pick<Peer, "name" | "supports"> {
  /** Further arguments of the program. */
  readonly args?: readonly string[];
}

/** Creates a peer from a program beside this file that accepts `--origins`, `--path` and `--wait`. */
export function denoPeer(file: string, { name, supports, args = [] }: DenoPeerOptions): Peer {
  return {
    name,
    supports,
    async start({ path, slowSecondary }, origins) {
      const wait = slowSecondary ? "primary" : "all";
      const { child, announced } = await startDenoProgram(
        fileURLToPath(new URL(file, import.meta.url)),
        ["--origins", origins.join(","), "--path", path, "--wait", wait, ...args],
      );
      return { url: announced, pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
    },
  };
}

/** The sketch, with the header lines that each proxy must read and write. */
export const boundPeer: Peer = denoPeer("sketch.ts", {
  name: "bound",
  supports: ({ bodyBytes }) => bodyBytes === 0,
  args: ["--headers"],
});

/** conductor from this checkout, as users run it: with metrics, breakers and the admin listener, without a log of requests. */
export const conductorPeer: Peer = {
  name: "conductor",
  supports: () => true,
  async start(load, origins) {
    await using stack = new AsyncDisposableStack();
    const port = freePort();
    const file = stack.use(await tempConfig(conductorConfig(load, origins)));
    const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
    await untilListening(port, process.exited).catch((error) => {
      throw new Error(`${error.message}: ${process.stderr.text}`);
    });
    const running = stack.move();
    return { url: `http://127.0.0.1:${port}`, pid: process.pid, [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};

function conductorConfig({ routes, slowSecondary }: Load, origins: readonly string[]): string {
  const pathPrefix = Array.from({ length: routes }, (_, index) => `/r${index}`);
  return JSON.stringify({
    logging: { level: "warn" },
    admin: { port: 0 },
    wait: slowSecondary ? "primary" : "all",
    services: origins.map((url, index) => ({
      name: `b${index}`,
      url,
      primary: index === 0,
      breaker: true,
      ...(routes > 1 && { pathPrefix }),
    })),
  });
}

/**
 * nginx with `mirror`. It responds with the primary's response and holds the client's connection until all mirrors have
 * responded.
 */
export const nginxPeer: Peer = {
  name: "nginx",
  // nginx always waits for its mirrors.
  supports: ({ slowSecondary }) => !slowSecondary,
  async start(load, origins) {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    // The worker drops root's permissions and must still be able to read its folders.
    await Deno.chmod(folder, 0o755);
    const port = freePort();
    const config = `${folder}/nginx.conf`;
    await Deno.writeTextFile(config, nginxConfig(load, { origins, port, folder }));
    const child = stack.use(startChild("nginx", { args: ["-p", folder, "-e", "stderr", "-c", config] }));
    await untilListening(port, child.ended).catch((error) => {
      throw new Error(`${error.message}: ${child.output}`);
    });
    const running = stack.move();
    return { url: `http://127.0.0.1:${port}`, pid: child.pid, [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};

interface NginxOptions {
  readonly origins: readonly string[];
  readonly port: number;
  readonly folder: string;
}

/** Keeps connections to backends, logs nothing and writes no body to disk. */
function nginxConfig({ routes }: Load, { origins, port, folder }: NginxOptions): string {
  const indexes = origins.slice(1).map((_, index) => index + 1);
  const mirrors = indexes.map((index) => `mirror /mirror-${index};`).join(" ");
  const paths = routes > 1 ? Array.from({ length: routes }, (_, index) => `/r${index}/`) : ["/"];
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_buffers 32 8k;
  proxy_max_temp_file_size 0;
${origins.map(upstream).join("\n")}
  server {
    listen 127.0.0.1:${port} backlog=4096;
${paths.map((path) => `    location ${path} { ${mirrors} proxy_pass http://b0; }`).join("\n")}
${indexes.map(mirror).join("\n")}
  }
}
`;
}

function upstream(origin: string, index: number): string {
  return `  upstream b${index} { server ${new URL(origin).host}; keepalive 512; keepalive_requests 1000000000; }`;
}

function mirror(index: number): string {
  return `    location = /mirror-${index} { internal; proxy_pass http://b${index}$request_uri; }`;
}
