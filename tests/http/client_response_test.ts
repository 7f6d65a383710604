import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ClientResponse, formatLocalReply } from "../../src/http/client_response.ts";

const TEXT = "400 Bad Request: Too many chunks\nRequest id: id\n";

function format(breaksOff?: true): ClientResponse {
  const reply = { status: 400, detail: "Too many chunks", ...(breaksOff && { breaksOff }) };
  return formatLocalReply(reply, { method: "POST", headers: [["accept", "text/plain"]] }, {
    requestId: "id",
    identify: true,
  });
}

Deno.test("formatLocalReply() returns a body that fails after its text if the reply breaks off", async () => {
  assertEquals(format().body, TEXT);
  const { body, headers } = format(true);
  assert(body instanceof ReadableStream);
  assertEquals(headers.find(([name]) => name === "content-length"), ["content-length", String(TEXT.length + 1)]);
  const reader = body.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), TEXT);
  await assertRejects(() => reader.read(), Error, "The connection is closed");
});

function bodyFor(
  accept: string,
  { requestId = "r-1", identify = true } = {},
): { type: string; body: string; id?: string } {
  const reply = {
    status: 502,
    detail: "No service responded",
    services: [{ role: "primary", failure: "tls" }],
  } as const;
  const request = { method: "GET", headers: [["accept", accept]] } as const;
  const { headers, body } = formatLocalReply(reply, request, { requestId, identify });
  const fields = Object.fromEntries(headers);
  const id = fields["x-request-id"];
  return { type: fields["content-type"]!, body: String(body), ...(id !== undefined && { id }) };
}

for (
  const [accept, type] of [
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"],
    ["*/*", "application/problem+json"],
    ["application/json", "application/problem+json"],
    ["text/plain", "text/plain; charset=utf-8"],
    ["image/png", "text/plain; charset=utf-8"],
  ] as const
) {
  Deno.test(`formatLocalReply() writes ${type} with the request id for Accept: ${accept}`, () => {
    for (const identify of [true, false]) {
      const reply = bodyFor(accept, { identify });
      assertEquals([reply.type, reply.id], [type, identify ? "r-1" : undefined]);
      assertStringIncludes(reply.body, "r-1");
      assertStringIncludes(reply.body, "No service responded");
    }
  });
}

Deno.test("formatLocalReply() escapes a request id in the page for browsers, which runs no scripts", () => {
  const { body } = bodyFor("text/html", { requestId: `<script>"x"&` });
  assert(!body.includes("<script>"));
  assertStringIncludes(body, "&#60;script&#62;&#34;x&#34;&#38;");
});
