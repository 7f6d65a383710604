/** nginx with `mirror`, set up as well as it can be for this. */

import { startChild } from "../../_support/child.ts";
import type { Load } from "../loads.ts";
import type { Peer } from "./peer.ts";
import { untilListening } from "./until_listening.ts";
import { freePort } from "../../_support/free_port.ts";

/** It answers with the primary's response and holds the client's connection until all copies are answered. */
export const nginxPeer: Peer = {
  name: "nginx",
  // A copy that is not waited for is not among the things that it can do.
  can: ({ slowSecondary }) => !slowSecondary,
  async start(load, origins) {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    // The worker gives root's rights up, and must still reach its folders.
    await Deno.chmod(folder, 0o755);
    const port = freePort();
    const config = `${folder}/nginx.conf`;
    await Deno.writeTextFile(config, configFor(load, { origins, port, folder }));
    const child = stack.use(startChild("nginx", { args: ["-p", folder, "-e", "stderr", "-c", config] }));
    await untilListening(port, child.ended).catch((error) => {
      throw new Error(`${error.message}: ${child.output}`);
    });
    const running = stack.move();
    return { url: `http://127.0.0.1:${port}`, pid: child.pid, [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};

interface NginxPlace {
  readonly origins: readonly string[];
  readonly port: number;
  readonly folder: string;
}

/** Connections to backends are kept, nothing is logged, and no body goes to the disk. */
function configFor({ routes }: Load, { origins, port, folder }: NginxPlace): string {
  const copies = origins.slice(1).map((_, index) => index + 1);
  const mirrors = copies.map((index) => `mirror /mirror-${index};`).join(" ");
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
${copies.map(mirror).join("\n")}
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
