/**
 * A program that calls serve(), for Node, Bun and Deno. Prints a line for each check, `ok: NAME` or `failed: NAME`, and
 * `done` at the end. It runs beside the packages that it imports.
 *
 * Arguments: the runtime, a PEM certificate, and its key.
 */

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import process from "node:process";
import tls from "node:tls";
import { ConfigError, ListenError, loadConfig, serve } from "@zeek/conductor";

// Imported by a variable, because the package is only beside the copy of this program that runs.
const WS = "ws";
const { default: WebSocket, WebSocketServer } = await import(WS);

const [RUNTIME, CERT, KEY] = process.argv.slice(2);
const IS_BUN = RUNTIME === "Bun";
const HOST = "127.0.0.1";
const BIG_BYTES = 100_000_000;

for (const event of ["unhandledRejection", "uncaughtException"]) {
  process.on(event, (error) => console.log(`failed: ${event}`, error));
}

async function check(name, run) {
  try {
    const result = await run();
    console.log(result === true ? `ok: ${name}` : `failed: ${name}`, result === true ? "" : JSON.stringify(result));
  } catch (error) {
    console.log(`failed: ${name}`, error);
  }
}

/** Resolves with true when the condition is true, otherwise after five seconds. */
async function until(isTrue) {
  for (let turn = 0; turn < 500; turn++) {
    if (await isTrue()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return "not within five seconds";
}

// A service

let bigBytes = 0;
const held = new Set();
const service = http.createServer((request, response) => {
  if (request.url === "/hold") return void held.add(response);
  if (request.url === "/big") return sendBig(response);
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { method, url, headers } = request;
    const { length } = Buffer.concat(chunks);
    const [client, token] = [headers["x-forwarded-for"], headers["x-token"]];
    response.end(JSON.stringify({ method, url, length, client, token, upgrade: headers.upgrade }));
  });
});
const echo = new WebSocketServer({
  server: service,
  perMessageDeflate: true,
  handleProtocols: (protocols) => [...protocols][0],
});
echo.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
service.listen(0, HOST);
await once(service, "listening");
const url = `http://${HOST}:${service.address().port}`;

function sendBig(response) {
  const piece = Buffer.alloc(1_000_000, "x");
  bigBytes = 0;
  const send = () => {
    while (bigBytes < BIG_BYTES) {
      bigBytes += piece.length;
      if (!response.write(piece)) return response.once("drain", send);
    }
    response.end();
  };
  send();
}

// Clients

/** Sends bytes over a connection of its own, and returns everything that arrives until it is closed. */
function exchange(port, text, { halfClose = false, connect = () => net.connect({ port, host: HOST }) } = {}) {
  const socket = connect();
  let received = "";
  socket.on("data", (bytes) => received += bytes.toString("latin1"));
  socket.on("error", () => {});
  if (halfClose) socket.end(text);
  else if (text !== "") socket.write(text);
  return new Promise((resolve) => socket.on("close", () => resolve(received)));
}

/** Returns the final status: an interim one may precede it, as when a slow exchange probes a half-closed client. */
const statusOf = (response) => /^(?:HTTP\/1\.1 1\d\d.*\r\n\r\n)*HTTP\/1\.1 (\d+)/.exec(response)?.[1] ?? response;
const bodyOf = (response) => JSON.parse(response.slice(response.indexOf("{"), response.lastIndexOf("}") + 1));
const GET_CLOSE = "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

// The server

const events = [];
const observe = (event) => events.push(event);
const upgraded = { name: "a", url, upgrade: true };
const config = {
  port: 0,
  hostname: HOST,
  clientTimeouts: { header: "400ms", request: "800ms", idle: "600ms", write: "600ms" },
  limits: { maxConnections: 5 },
  services: [upgraded],
};
const server = await serve(config, { observe });
const { port } = server;

await check("has an address", () => server.url === `http://${HOST}:${port}` && server.hostname === HOST || server.url);
await check("passes on the client's address", async () => {
  const { client } = bodyOf(await exchange(port, GET_CLOSE));
  return client === HOST || client;
});
await check("receives an upload in chunks", async () => {
  const chunk = `${(50_000).toString(16)}\r\n${"a".repeat(50_000)}\r\n`;
  const head = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  const { method, length } = bodyOf(await exchange(port, `${head}${chunk.repeat(20)}0\r\n\r\n`));
  return (method === "POST" && length === 1_000_000) || length;
});
await check("responds to a half-closed client", async () => {
  const response = await exchange(port, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", { halfClose: true });
  // Bun reports such a client as disconnected.
  return statusOf(response) === (IS_BUN ? "" : "200") || response;
});
for (const [method, body] of [["GET", ""], ["POST", "Content-Length: 3\r\n\r\nabc"]]) {
  await check(`serves ${method} with Upgrade: h2c as if the field were not there`, async () => {
    const head = `${method} /x HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n`;
    const seen = bodyOf(await exchange(port, head + (body || "\r\n")));
    return (seen.method === method && seen.length === (body ? 3 : 0) && seen.upgrade === undefined) || seen;
  });
}
await check("responds to pipelined requests in order", async () => {
  const response = await exchange(
    port,
    `GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n${GET_CLOSE}`,
  );
  return response.match(/"url":"[^"]+"/g)?.join() === '"url":"/1","url":"/2","url":"/x"' || response;
});
/** Sends a request that the server refuses, or whose connection it closes. */
async function checkRefusal([name, request, status]) {
  await check(`refuses or closes: ${name}`, async () => {
    const response = await exchange(port, request);
    return statusOf(response) === status || response;
  });
}
for (
  const refused of [
    ["a malformed head", "GET /x HTTP/1.1\r\nHost : h\r\n\r\n", "400"],
    [
      "both framings",
      "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "400",
    ],
    ["CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "405"],
  ]
) await checkRefusal(refused);
// At the same time, because each one waits for a timeout. Together, they are fewer than the connections that are allowed.
await Promise.all([
  // Bun does not report if a part of a head has arrived.
  ["a slow head", "GET /x HTTP/1.1\r\nHo", IS_BUN ? "" : "408"],
  ["a slow body", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", "408"],
  ["silence", "", ""],
  ["an idle connection", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "200"],
].map(checkRefusal));
await check("closes the connection of a client that does not read", async () => {
  const socket = net.connect({ port, host: HOST });
  socket.on("error", () => {});
  socket.pause();
  socket.write("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  const isEnded = await until(() =>
    events.some(({ type, responseBytes }) => type === "relayed" && responseBytes > 1e6)
  );
  socket.destroy();
  // Backpressure: the service could not send everything.
  return isEnded === true && bigBytes < BIG_BYTES || [isEnded, bigBytes];
});
await check("refuses connections above the limit", async () => {
  // With a request each, because Bun accepts a connection when its first bytes arrive, or after a second.
  const open = Array.from({ length: 5 }, () => net.connect({ port, host: HOST }));
  for (const socket of open) socket.write("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  await Promise.all(open.map((socket) => once(socket, "data")));
  const response = await exchange(port, GET_CLOSE);
  for (const socket of open) socket.destroy();
  // Until the server has noticed the ends of the connections.
  await until(async () => statusOf(await exchange(port, GET_CLOSE)) === "200");
  const isReported = events.some(({ type, reason }) => type === "refused" && reason === "max-connections");
  return statusOf(response) === "503" && isReported || response;
});
await check("aborts the attempts of a client that disconnects", async () => {
  const socket = net.connect({ port, host: HOST });
  socket.write("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  if (await until(() => held.size === 1) !== true) return "not received";
  socket.destroy();
  return await until(() => server.attemptsInFlight === 0);
});
await check("serves a configuration file with placeholders, and names the lines of its problems", async () => {
  // Programs in other runtimes run in the same folder at the same time.
  const [token, valid, invalid] = ["token.txt", "valid.yaml", "invalid.yaml"].map((name) => `${process.pid}-${name}`);
  writeFileSync(token, "from-a-file\n");
  process.env.CONDUCTOR_TEST_URL = url;
  const headers = `headers: { X-Token: "\${file:${token}}" }`;
  const services = `services:\n  - name: a\n    url: "\${env:CONDUCTOR_TEST_URL}"\n    ${headers}\n`;
  writeFileSync(valid, `port: 0\nhostname: ${HOST}\n${services}`);
  const loaded = await serve(await loadConfig(valid));
  const response = await exchange(loaded.port, GET_CLOSE);
  await loaded.close();
  writeFileSync(invalid, `port: 0\nwait: none\n${services}`);
  const { problems } = await loadConfig(invalid).catch((error) => error);
  const absent = await loadConfig("none.yaml").catch(({ message }) => message);
  const isServed = statusOf(response) === "200" && response.includes("from-a-file");
  return isServed && problems?.[0]?.line === 2 && absent.includes("no such file") || [response, problems, absent];
});
let webSocket;
await check("relays WebSockets with subprotocol and large messages", async () => {
  webSocket = new WebSocket(`ws://${HOST}:${port}/w`, ["chat"]);
  webSocket.on("error", () => {});
  await once(webSocket, "open");
  const sizes = [];
  for (const size of [2, 5_000_000]) {
    webSocket.send(Buffer.alloc(size, "y"));
    const [message] = await once(webSocket, "message");
    sizes.push(message.length);
  }
  return (sizes.join() === "2,5000000" && webSocket.protocol === "chat") || [sizes, webSocket.protocol];
});
await check("relays an ordinary response to an upgrade of a service that does not take it", async () => {
  await server.reload({ ...config, services: [{ name: "a", url }] });
  const head = "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n";
  const response = await exchange(port, head);
  return bodyOf(response).upgrade === undefined || response;
});
await check("refuses to reload an invalid configuration, and keeps the old one", async () => {
  const error = await server.reload({ ...config, services: [] }).catch((error) => error);
  return (error instanceof ConfigError && statusOf(await exchange(port, GET_CLOSE)) === "200") || String(error);
});
await check("reloads, and keeps tunnels open", async () => {
  await server.reload({ ...config, metrics: { enabled: true }, services: [{ ...upgraded, name: "b" }] });
  const response = await exchange(port, GET_CLOSE);
  webSocket.send("still here");
  const [message] = await once(webSocket, "message");
  return (/x-conductor-service: b/i.test(response) && String(message) === "still here") || response;
});
await check("serves metrics on the data port", async () => {
  const response = await exchange(port, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  return bodyOf(response).request_count > 0 || response;
});
await check("names an address in use", async () => {
  const error = await serve({ ...config, port }).catch((error) => error);
  return error instanceof ListenError && error.kind === "in-use" && /address already in use/.test(error.message) ||
    String(error);
});
await check("refuses fields that only the command line applies", async () => {
  const error = await serve({ ...config, shutdownDelay: "1s", logging: { level: "debug" } }).catch((error) => error);
  const paths = error.problems?.map(({ path }) => path).sort().join();
  return error instanceof ConfigError && paths === "logging,shutdownDelay" || String(error);
});
await check("serves the admin API and the dashboard on an address of their own, across reloads", async () => {
  const token = "0123456789abcdef";
  const services = [upgraded, { name: "b", url, shadow: true }];
  const withAdmin = (admin) => ({ ...config, compare: true, services, admin: { port: 0, hostname: HOST, ...admin } });
  const admitted = await serve(withAdmin({ token }));
  const get = (path, headers) => fetch(`${admitted.adminUrl}${path}`, { headers });
  const statusAt = async (path, headers) => {
    const response = await get(path, headers);
    await response.body?.cancel();
    return response.status;
  };
  try {
    const first = admitted.adminUrl;
    await exchange(admitted.port, GET_CLOSE);
    const authorization = `Bearer ${token}`;
    const statuses = [];
    for (const path of ["healthz", "readyz", "api/state", ""]) statuses.push(await statusAt(path));
    for (const path of ["", "assets/main.js", "api/report", "metrics", "assets/none.js"]) {
      statuses.push(await statusAt(path, { authorization }));
    }
    statuses.push(await statusAt("api/state", { authorization: "Bearer 0123456789abcdeg" }));
    const state = await (await get("api/state", { authorization })).json();
    const events = await get("api/events", { authorization });
    const reader = events.body.getReader();
    let stream = "";
    while (!stream.includes("event: state")) stream += new TextDecoder().decode((await reader.read()).value);
    // An exchange is shown when its shadow request has ended.
    const isRecorded = await until(async () => {
      return (await (await get("api/exchanges", { authorization })).json()).exchanges.length === 1;
    });
    const login = await fetch(`${first}login`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ token }),
    });
    const cookie = login.headers.get("set-cookie")?.split(";")[0];
    const home = login.headers.get("location").slice(1);
    statuses.push(login.status, await statusAt(`${home}api/state`, { cookie }));
    const adminPort = Number(new URL(first).port);
    const rebound = await exchange(adminPort, GET_CLOSE);
    statuses.push(Number(statusOf(rebound)));
    const malformed = await exchange(
      adminPort,
      "GET http://a:b@c/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    statuses.push(Number(statusOf(malformed)));
    // The same address without a token; then another port, and an address in use; then none.
    await admitted.reload(withAdmin({ port: 0 }));
    statuses.push(await statusAt("api/state"), admitted.adminUrl === first);
    const inUse = await admitted.reload(withAdmin({ port })).catch((error) => error);
    statuses.push(inUse instanceof ListenError && inUse.kind, admitted.adminUrl === first);
    await admitted.reload({ ...config, services });
    statuses.push(admitted.adminUrl, await until(async () => await exchange(adminPort, GET_CLOSE) === ""));
    await reader.cancel().catch(() => {});
    const expected = [200, 200, 401, 401, 200, 200, 200, 200, 404, 401, 303, 200, 403, 400];
    expected.push(200, true, "in-use", true, undefined, true);
    const isShown = state.services?.length === 2 && state.process?.residentBytes > 0 && isRecorded === true;
    return JSON.stringify(statuses) === JSON.stringify(expected) && isShown || [statuses, state, isRecorded];
  } finally {
    await admitted.close();
  }
});
await check("serves HTTPS and secure WebSockets, also with a new certificate", async () => {
  const pem = { cert: readFileSync(CERT, "utf8"), key: readFileSync(KEY, "utf8") };
  const secure = await serve({ ...config, tls: pem });
  try {
    const ca = pem.cert;
    const connect = () => tls.connect({ port: secure.port, host: HOST, ca });
    const response = await exchange(secure.port, GET_CLOSE, { connect });
    const socket = new WebSocket(`wss://${HOST}:${secure.port}/w`, { ca });
    await once(socket, "open");
    socket.send("hi");
    const [message] = await once(socket, "message");
    socket.terminate();
    const isHttps = secure.url === `https://${HOST}:${secure.port}`;
    const bad = await serve({ ...config, tls: { ...pem, key: pem.key.replace(/[b-y]{2}/, "AA") } }).catch((error) =>
      error
    );
    const isRefused = bad instanceof ListenError && bad.kind === "bad-certificate";
    return (isHttps && isRefused && bodyOf(response).client === HOST && String(message) === "hi") ||
      [String(bad), bad.kind, response, String(message)];
  } finally {
    await secure.close();
  }
});
await check("checks the health of services", async () => {
  const changes = [];
  const services = [{ name: "a", url: `http://${HOST}:1`, health: { path: "/", interval: "50ms", unhealthyAfter: 1 } }];
  const checked = await serve({ ...config, services }, {
    observe: ({ type, state }) => type === "health" && changes.push(state),
  });
  try {
    return await until(() => changes[0] === "unhealthy") === true || changes;
  } finally {
    await checked.close();
  }
});
await check(
  "drains: requests in flight complete, idle connections and WebSockets are closed, no others accepted",
  async () => {
    held.clear();
    const inFlight = exchange(port, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    if (await until(() => held.size === 1) !== true) return "not received";
    const closed = once(webSocket, "close");
    const closing = server.close();
    const [code] = await closed;
    const late = await exchange(port, GET_CLOSE);
    for (const response of held) response.end("complete");
    const response = await inFlight;
    await closing;
    return code === 1001 && late === "" && /^connection: close\r$/im.test(response) && response.endsWith("complete") ||
      [code, late, response];
  },
);
await check("closes connections after the timeout", async () => {
  held.clear();
  const brief = await serve(config);
  const inFlight = exchange(brief.port, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  if (await until(() => held.size === 1) !== true) return "not received";
  await brief.close({ timeoutMs: 100 });
  const response = await inFlight;
  return (response === "" && brief.attemptsInFlight === 0) || response;
});

console.log("done");
process.exit(0);
