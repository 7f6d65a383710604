/**
 * A program that embeds conductor, for Node and Bun: `node embedding_program.mjs SERVER`. It prints a line for each check,
 * `ok: NAME` or `failed: NAME`, and `done` at the end. It runs beside the packages that it imports.
 */

import { once } from "node:events";
import http from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { conductor, ConfigError } from "@zeek/conductor";

const [SERVER] = process.argv.slice(2);
const URL_OF_REQUEST = "http://embedded.test/api";
/** Requests that a service did not complete, because their connection was closed. */
let closed = [];
let onClosed = () => {};

for (const event of ["unhandledRejection", "uncaughtException"]) {
  process.on(event, (error) => console.log(`failed: ${event}`, error));
}

const RESPONSES = {
  small: (response) => response.setHeader("content-length", 5).end("small"),
  empty: (response) => response.setHeader("content-length", 0).end(),
  missing: (response) => response.writeHead(404, { "content-length": 2 }).end("no"),
  error: (response) => response.writeHead(500, { "content-length": 2 }).end("no"),
  chunked: (response) => {
    response.write("chu");
    setImmediate(() => response.end("nked"));
  },
  large: (response) => response.setHeader("content-length", 1_000_000).end(Buffer.alloc(1_000_000, "a")),
  cookies: (response) => response.setHeader("set-cookie", ["a=1", "b=2"]).end("x"),
  204: (response) => response.writeHead(204).end(),
  304: (response) => response.writeHead(304, { etag: '"x"' }).end(),
  gzip: (response) => {
    const body = gzipSync("pears");
    response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
  },
  echo: (response, { method, body }) => {
    const text = `${method} ${body.length} ${body.subarray(0, 3)}`;
    response.setHeader("content-length", Buffer.byteLength(text)).end(text);
  },
  "cut-small": (response) => {
    response.setHeader("content-length", 100).write("abc", () => response.destroy());
  },
  "cut-large": (response) => {
    response.setHeader("content-length", 1_000_000).write("abc", () => setTimeout(() => response.destroy(), 20));
  },
  hold: (response) => void response.setHeader("content-length", 1_000_000).write("the beginning"),
  hang: () => {},
};

const service = http.createServer(async (request, response) => {
  response.on("close", () => {
    if (response.writableFinished) return;
    closed.push(request.url);
    onClosed();
  });
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return;
  }
  const body = Buffer.concat(chunks);
  received.push({ url: request.url, body: body.toString("latin1").slice(0, 20), size: body.length });
  const name = request.url.replace(/^\/api\/?/, "").replace(/\?.*/, "") || "small";
  RESPONSES[name](response, { method: request.method, body });
});
let received = [];
service.listen(0, "127.0.0.1");
await once(service, "listening");
const url = `http://127.0.0.1:${service.address().port}`;

const config = {
  timeout: 5,
  metrics: { enabled: true },
  compare: true,
  services: [
    { name: "v1", url, pathPrefix: "/api", primary: true },
    { name: "v2", url, pathPrefix: "/api" },
    { name: "v3", url, pathPrefix: "/api", shadow: true },
  ],
};
const handle = conductor(config);

// Servers

const connectionOf = ({ socket }) => ({ remoteAddr: { hostname: socket.remoteAddress } });

async function listen(listener) {
  const server = http.createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

/** A server without a package, as programs write it by hand. */
async function answerByHand(incoming, outgoing) {
  const { method, headers } = incoming;
  const gone = new AbortController();
  outgoing.on("close", () => outgoing.writableFinished || gone.abort());
  const body = method === "GET" || method === "HEAD" ? null : Readable.toWeb(incoming);
  delete headers.connection;
  delete headers["transfer-encoding"];
  const request = new Request(`http://${headers.host}${incoming.url}`, {
    method,
    headers,
    body,
    signal: gone.signal,
    duplex: "half",
  });
  const response = await handle(request, connectionOf(incoming));
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => {});
}

const SERVERS = {
  "node-server-1": async () => await listenWithHono("node-server-1"),
  "node-server-2": async () => await listenWithHono("node-server-2"),
  "node:http": async () => await listen(answerByHand),
  async srvx() {
    const { serve } = await import("srvx");
    const fetch = (request) => handle(request, { remoteAddr: { hostname: request.ip } });
    const server = serve({ port: 0, hostname: "127.0.0.1", silent: true, fetch });
    await server.ready();
    return Number(new URL(server.url).port);
  },
  bun() {
    const fetch = (request, server) => handle(request, { remoteAddr: { hostname: server.requestIP(request).address } });
    return globalThis.Bun.serve({ port: 0, hostname: "127.0.0.1", fetch }).port;
  },
};

async function listenWithHono(name) {
  const { getRequestListener } = await import(name);
  return await listen(getRequestListener((request, { incoming }) => handle(request, connectionOf(incoming))));
}

const port = await SERVERS[SERVER]();

/** Sends a request over a connection of its own, and reads the response as far as it comes. */
function send(path, { method = "GET", body, chunked = false, headers = {}, onSent = () => {} } = {}) {
  return new Promise((resolve) => {
    const length = body === undefined || chunked ? {} : { "content-length": body.length };
    const options = { host: "127.0.0.1", port, path, method, agent: false, headers: { ...headers, ...length } };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", () => {});
      response.on("close", () => {
        const { statusCode: status, headers, complete } = response;
        resolve({ status, headers, complete, text: Buffer.concat(chunks).toString("latin1") });
      });
    });
    request.on("error", (error) => resolve({ error: error.code }));
    for (let start = 0; chunked && start < body.length; start += 50_000) {
      request.write(body.subarray(start, start + 50_000));
    }
    request.end(chunked ? undefined : body);
    onSent(request);
  });
}

async function check(name, run) {
  try {
    const result = await run();
    console.log(result === true ? `ok: ${name}` : `failed: ${name}`, result === true ? "" : JSON.stringify(result));
  } catch (error) {
    console.log(`failed: ${name}`, error);
  }
}

/** Resolves once a service lost this many more requests. */
async function lost(count, act) {
  closed = [];
  const done = new Promise((resolve) => onClosed = () => closed.length >= count && resolve());
  await act();
  await done;
  return true;
}

// Through the server

for (const [path, status, text] of [["small", 200, "small"], ["empty", 200, ""], ["missing", 404, "no"]]) {
  await check(`relays ${path}`, async () => {
    const response = await send(`/api/${path}`);
    return (response.status === status && response.text === text && response.complete) || response;
  });
}
await check("relays a chunked response", async () => {
  const response = await send("/api/chunked");
  return (response.text === "chunked" && response.complete) || response;
});
await check("relays a large response", async () => {
  const response = await send("/api/large");
  // Bun sends every stream in chunks.
  const length = SERVER === "bun" ? undefined : "1000000";
  return (response.text.length === 1_000_000 && response.headers["content-length"] === length) || response.headers;
});
await check("relays each Set-Cookie", async () => {
  const { headers } = await send("/api/cookies");
  return headers["set-cookie"].join() === "a=1,b=2" || headers;
});
await check("relays HEAD with its length", async () => {
  const { status, headers } = await send("/api/small", { method: "HEAD" });
  return (status === 200 && headers["content-length"] === "5") || headers;
});
for (const status of [204, 304]) {
  await check(`relays ${status}`, async () => {
    const response = await send(`/api/${status}`);
    return (response.status === status && response.text === "") || response;
  });
}
await check("relays a compressed response", async () => {
  const { headers, text } = await send("/api/gzip");
  return (headers["content-encoding"] === "gzip" ? text === gzipSync("pears").toString("latin1") : text === "pears") ||
    headers;
});
for (const size of [0, 5, 65_536, 65_537, 1_000_000]) {
  for (const chunked of [false, true]) {
    await check(`forwards ${size} bytes, chunked ${chunked}`, async () => {
      const body = Buffer.alloc(size, "b");
      const response = await send("/api/echo", { method: "POST", body, chunked });
      return response.text === `POST ${size} ${"bbb".slice(0, size)}` || response;
    });
  }
}
await check("responds with 502 if every service fails", async () => {
  const { status, text } = await send("/api/error");
  return (status === 502 && JSON.parse(text).services.length === 2) || text;
});
await check("responds with 502 if a small body is cut", async () => {
  const response = await send("/api/cut-small");
  return response.status === 502 || response;
});
await check("never makes a cut response look complete", async () => {
  const response = await send("/api/cut-large");
  return (response.error !== undefined || !response.complete) || response;
});
await check("responds with 404 without a route", async () => {
  const response = await send("/none");
  return (response.status === 404 && JSON.parse(response.text).status === 404) || response;
});
await check("serves metrics", async () => {
  const response = await send("/metrics");
  return JSON.parse(response.text).request_count > 10 || response;
});
await check("aborts the services if the client disconnects", async () =>
  await lost(2, async () => {
    await send("/api/hang", { onSent: (request) => setTimeout(() => request.destroy(), 100) });
  }));
await check("forwards 50 uploads at once", async () => {
  const body = Buffer.alloc(200_000, "c");
  const upload = () => send("/api/echo", { method: "POST", body, chunked: true });
  const responses = await Promise.all(Array.from({ length: 50 }, upload));
  return responses.every(({ text }) => text === "POST 200000 ccc") || responses.find(({ text }) => text === undefined);
});

// Direct calls

const single = { timeout: 5, services: [{ name: "v1", url, pathPrefix: "/api" }] };
const direct = conductor(single);
const bytes = (text) => new TextEncoder().encode(text);
const streamOf = (...chunks) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
const post = (body, init = {}) => new Request(URL_OF_REQUEST, { method: "POST", body, duplex: "half", ...init });
const rejection = async (promise) => await promise.then(() => undefined, (error) => error);

for (
  const [name, chunk] of [
    ["a string", "hello"],
    ["an ArrayBuffer", bytes("hello").buffer],
    ["a DataView", new DataView(bytes("hello").buffer)],
    ["null", null],
    ["undefined", undefined],
    ["a number", 5],
  ]
) {
  await check(`refuses a body that yields ${name}`, async () => {
    received = [];
    for (const before of [[], [bytes("start")]]) {
      // Runtimes may refuse such a stream themselves.
      const response = await direct(post(streamOf(...before, chunk))).catch(() => ({ status: 500 }));
      if (response.status < 400) return [response.status, received];
    }
    return received.length === 0 || received;
  });
}
for (
  const [name, chunk] of [
    ["a Buffer", Buffer.from("hello")],
    ["a subclass of Buffer", Object.setPrototypeOf(Buffer.from("hello"), class extends Buffer {}.prototype)],
    [
      "shared memory",
      (() => {
        const chunk = new Uint8Array(new SharedArrayBuffer(5));
        chunk.set(bytes("hello"));
        return chunk;
      })(),
    ],
  ]
) {
  await check(`forwards a body in ${name}`, async () => {
    received = [];
    const { status } = await direct(post(streamOf(chunk)));
    return (status === 200 && received[0].body === "hello") || [status, received];
  });
}
await check("rejects a request whose body was read", async () => {
  received = [];
  const request = post("hello");
  await request.text();
  const error = await rejection(direct(request));
  return (error instanceof TypeError && received.length === 0) || [String(error), received];
});
await check("accepts an object without a body", async () => {
  const headers = new Headers({ host: "embedded.test" });
  const { status } = await direct({ method: "POST", url: URL_OF_REQUEST, headers, body: undefined });
  return status === 200 || status;
});
await check("sends no aborted request", async () => {
  received = [];
  const controller = new AbortController();
  const later = direct(new Request(URL_OF_REQUEST, { signal: controller.signal }));
  controller.abort();
  const before = direct(post("hello", { signal: AbortSignal.abort() }));
  const statuses = [(await later).status, (await before).status];
  return (statuses.join() === "499,499" && received.length === 0) || [statuses, received];
});
await check("ignores an asynchronous observer that rejects", async () => {
  const observe = () => Promise.reject(new Error("observer"));
  const { status } = await conductor({ ...single, metrics: { enabled: true } }, { observe })(
    new Request(URL_OF_REQUEST),
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
  return status === 200 || status;
});
for (
  const [name, drop] of [
    ["dropped unread", () => {}],
    ["read in part", (response) => response.body.getReader().read()],
    ["cloned", (response) => void response.clone()],
  ]
) {
  await check(`ends a response that is ${name}`, async () => {
    const relayed = Promise.withResolvers?.() ?? {};
    relayed.promise ??= new Promise((resolve) => relayed.resolve = resolve);
    const observe = ({ type }) => type === "relayed" && relayed.resolve();
    const services = [{ ...single.services[0], timeout: "500ms" }];
    const brief = conductor({ limits: { maxInFlight: 1 }, services }, { observe });
    return await lost(1, async () => {
      await drop(await brief(new Request(`${URL_OF_REQUEST}/hold`)));
      await relayed.promise;
    });
  });
}
await check("refuses fields of a server", async () => {
  const error = await rejection(Promise.resolve({ ...single, port: 8080 }).then(conductor));
  return (error instanceof ConfigError && error.problems[0].path === "port") || String(error);
});

console.log("done");
process.exit(0);
