import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ClientResponse, formatLocalReply } from "../../src/http/client_response.ts";

function format(breaksOff?: true): ClientResponse {
  const reply = { status: 400, detail: "Too many chunks", ...(breaksOff && { breaksOff }) };
  return formatLocalReply(reply, { method: "POST", headers: [["accept", "text/plain"]] }, "id");
}

Deno.test("formatLocalReply() returns a body that fails after its text if the reply breaks off", async () => {
  assertEquals(format().body, "400 Bad Request: Too many chunks\n");
  const { body, headers } = format(true);
  assert(body instanceof ReadableStream);
  assertEquals(headers.find(([name]) => name === "content-length"), ["content-length", "34"]);
  const reader = body.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "400 Bad Request: Too many chunks\n");
  await assertRejects(() => reader.read(), Error, "The connection is closed");
});
