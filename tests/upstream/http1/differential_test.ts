/**
 * Differential test: the transport and `fetch` must return the same for valid responses of a real backend. Intended
 * differences are excluded from the samples or normalised:
 *
 * - `fetch` decodes content codings: excluded;
 * - `fetch` sorts headers, with names in lower case and repeated ones joined, except Set-Cookie: normalised;
 * - `fetch` drops the body of a 205, which the transport relays: excluded;
 * - `fetch` accepts invalid responses that the transport refuses (decision 005): tested in framing_test.ts instead.
 */

import { assert, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import type { HeaderLine } from "../../../src/config/config.ts";
import { http1Transport } from "../../../src/upstream/http1/http1.ts";
import { fuzzBudget } from "../../_support/seeded_random.ts";
import { toBytes, toText } from "../../_support/latin1.ts";
import { type ResponseSample, responseSamples } from "../../_support/response_samples.ts";
import { startSocketBackend } from "../../_support/socket_backend.ts";

interface Received {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A body that is not self-delimited ends with the connection. */
function endsConnection({ isSelfDelimited, isPersistent }: ResponseSample): boolean {
  return !isSelfDelimited || !isPersistent;
}

async function receiveByFetch(url: string, method: string): Promise<Received> {
  const response = await fetch(url, { method, redirect: "manual" });
  return { status: response.status, fields: [...response.headers], body: toText(await response.bytes()) };
}

const transport = http1Transport();

async function receiveByTransport(origin: string, method: string): Promise<Received> {
  const { signal } = new AbortController();
  const request = { method, origin, target: "/", host: undefined, headers: [], body: null, signal };
  const result = await transport(request);
  assert(result.ok, `fails with ${result.ok || result.kind}`);
  const { status, headers, body } = result.response;
  const bytes = await new Response(body).bytes();
  return {
    status,
    fields: [...new Headers(headers.map(([name, value]): [string, string] => [name, value]))],
    body: toText(bytes),
  };
}

function expected({ status, headers, body }: ResponseSample): Received {
  return {
    status,
    fields: [...new Headers(headers.map(([name, value]: HeaderLine): [string, string] => [name, value]))],
    body,
  };
}

Deno.test("http1Transport() returns the same as fetch for valid responses", async () => {
  let current: ResponseSample | undefined;
  await using backend = await startSocketBackend(async (_request, connection) => {
    await connection.write(toBytes(current!.text));
    if (endsConnection(current!)) connection.close();
  });
  await fc.assert(
    fc.asyncProperty(responseSamples(), async (sample) => {
      current = sample;
      const received = await receiveByTransport(backend.url, sample.method);
      assertEquals(received, expected(sample));
      assertEquals(await receiveByFetch(backend.url, sample.method), received);
    }),
    fuzzBudget(100),
  );
});
