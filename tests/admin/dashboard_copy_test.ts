/** Requests copied from the dashboard: commands run through a shell against a server, and archives. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { curlCommand } from "../../src/admin/dashboard/curl.js";
import { harOf } from "../../src/admin/dashboard/har.js";
import type { HeaderLine } from "../../src/config/config.ts";

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly headers: readonly HeaderLine[];
  readonly body?: string;
}

/** Runs a command through a shell. Returns its errors, without the progress of curl. */
async function runThrough(shell: string, command: string): Promise<string> {
  const { stderr, success } = await new Deno.Command(shell, {
    args: ["-c", command.replaceAll("curl --globoff", "curl --disable --silent --show-error --globoff")],
    stdin: "null",
  }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}

/** Sends a request by its command. Returns the head and the body as received, with one character for each byte. */
async function sendThrough(shell: string, request: Sent): Promise<{ head: string; body: string }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const origin = `http://127.0.0.1:${listener.addr.port}`;
  const running = runThrough(shell, curlCommand(request, origin));
  using socket = await Promise.race([
    listener.accept(),
    running.then((errors) => Promise.reject(new Error(`No connection: ${errors}`))),
  ]);
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const end = text.indexOf("\r\n\r\n");
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    if (end !== -1 && text.length >= end + 4 + length) break;
    const count = await socket.read(buffer);
    if (count === null) break;
    text += String.fromCharCode(...buffer.subarray(0, count));
  }
  await socket.write(new TextEncoder().encode("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"));
  assertEquals(await running, "");
  const [head = "", ...body] = text.split("\r\n\r\n");
  return { head, body: body.join("\r\n\r\n") };
}

function bytesOf(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

const NEVER = `${Deno.makeTempDirSync()}/never`;
const EVIL = `it's "quoted" $(touch ${NEVER}) \`touch ${NEVER}\` \\ \\\\ \\n %s %% !! & | ; > ${NEVER} $HOME`;

const REQUESTS: readonly (readonly [name: string, request: Sent])[] = [
  ["GET", { method: "GET", path: "/a'b/../[1]/{2,3}", query: "?$HOME&x;touch%20y", headers: [["x-a", EVIL]] }],
  ["HEAD", { method: "HEAD", path: "/", headers: [] }],
  ["a method of the client", { method: "M-!'|`*", path: "/", headers: [] }],
  ["a body", { method: "POST", path: "/", headers: [["content-type", "text/plain"]], body: `${EVIL}\n\n` }],
  ["a body that looks like a file", { method: "PUT", path: "/", headers: [], body: "@/etc/passwd" }],
  ["a body with control characters", {
    method: "POST",
    path: "/",
    headers: [],
    body: `-x\u001b[201~\u0003\n${EVIL}\u0000\u202e\té😀\n\n`,
  }],
  ["values with control and format characters", {
    method: "GET",
    path: "/",
    headers: [["x-a", "it's\t!! \u202e é % \\"], ["x-empty", ""], ["accept", "*/*"], ["user-agent", "-K /etc/passwd"]],
  }],
  ["a GET with a body", { method: "GET", path: "/", headers: [["content-type", "application/json"]], body: "{}" }],
];

for (const shell of ["sh", "bash"]) {
  for (const [name, request] of REQUESTS) {
    Deno.test(`curlCommand() sends the same request through ${shell}: ${name}`, async () => {
      const { head, body } = await sendThrough(shell, request);
      const [line, ...lines] = head.split("\r\n");
      assertEquals(line, `${request.method} ${request.path}${request.query ?? ""} HTTP/1.1`);
      const own = /^(?:host|content-length):/i;
      assertEquals(
        lines.filter((line) => !own.test(line)),
        request.headers.map(([name, value]) => bytesOf(value === "" ? `${name}:` : `${name}: ${value}`)),
      );
      assertEquals(body, bytesOf(request.body ?? ""));
      assert(!Array.from(Deno.readDirSync(NEVER.slice(0, -6))).length);
    });
  }
}

Deno.test("curlCommand() has no character that a terminal obeys, no other options and no files", () => {
  const headers: HeaderLine[] = [
    ["@/etc/passwd", "x"],
    ["x-a", "\u001b]0;x\u0007"],
    ["host", "127.0.0.1"],
    ["content-length", "7"],
    ["…", "[3 more lines]"],
  ];
  const command = curlCommand(
    { method: "POST", path: "/\u001b[201~ [redacted 3f9a]", headers, body: "\u0003\r" },
    "http://127.0.0.1",
  );
  assertEquals(command.replaceAll("\n", "").match(/[\p{C}]/u), null);
  assertStringIncludes(command, "'http://127.0.0.1/%1B[201~%20[redacted%203f9a]'");
  assertEquals(command.match(/etc|more lines|content-length|host/g), null);
});

Deno.test("curlCommand() encodes lone surrogates, which have no bytes", () => {
  const command = curlCommand({ method: "GET", path: "/\ud800", headers: [["x-a", "\udc00"]] }, "http://h");
  assertStringIncludes(command, "'http://h/%EF%BF%BD'");
  assertStringIncludes(command, "x-a: \\357\\277\\275");
});

/** Members that HAR 1.2 requires, by the name of their object. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  log: ["version", "creator", "entries"],
  creator: ["name", "version"],
  entry: ["startedDateTime", "time", "request", "response", "cache", "timings"],
  request: ["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"],
  response: [
    ...["status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"],
    ...["headersSize", "bodySize"],
  ],
  content: ["size", "mimeType"],
  postData: ["mimeType", "params", "text"],
  timings: ["send", "wait", "receive"],
};

function assertHas(name: string, object: object): void {
  for (const member of REQUIRED[name]!) assert(member in object, `${name}.${member}`);
}

Deno.test("harOf() returns an archive with the members that HAR 1.2 requires", () => {
  const body = `{"text":"é"}`;
  const request = {
    method: "POST",
    path: "/orders",
    query: "?a=1&b=%20x&a=2",
    headers: [["Content-Type", "application/json"], ["X-A", "1"]] as HeaderLine[],
    body,
  };
  const { log } = JSON.parse(harOf({ request, requestId: "id-1", timeMs: 5_000 }, "http://h:8080/"));
  assertHas("log", log);
  assertHas("creator", log.creator);
  const [entry] = log.entries;
  assertHas("entry", entry);
  assertHas("request", entry.request);
  assertHas("response", entry.response);
  assertHas("content", entry.response.content);
  assertHas("postData", entry.request.postData);
  assertHas("timings", entry.timings);
  assertEquals([log.version, log.entries.length, entry.startedDateTime], ["1.2", 1, "1970-01-01T00:00:05.000Z"]);
  assertEquals(entry.request.url, "http://h:8080/orders?a=1&b=%20x&a=2");
  assertEquals(entry.request.queryString, [
    { name: "a", value: "1" },
    { name: "b", value: " x" },
    { name: "a", value: "2" },
  ]);
  assertEquals(entry.request.postData, { mimeType: "application/json", text: body, params: [] });
  assertEquals(entry.request.bodySize, 13);
  assertEquals(Object.values(entry.timings).some((ms) => (ms as number) < 0), false);
});
