/**
 * Our client and `fetch` ask a real backend for the same valid responses and must get the same. Where they differ on
 * purpose, samples are left out or compared accordingly:
 *
 * - `fetch` takes off content codings, so there are none;
 * - `fetch` gives names in lower case, sorted, repeated ones joined but for Set-Cookie; we give lines as they were sent;
 * - `fetch` drops the body of a 205, which we relay as it came, so there is none;
 * - `fetch` accepts what docs/decisions/005-backends-that-misbehave.md refuses: that is no valid response, and in the
 *   tables of tests/upstream/http1/framing_test.ts.
 */

import { assert, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import type { HeaderLine } from "../../../src/config/config.ts";
import { http1Transport } from "../../../src/upstream/http1/http1.ts";
import { fuzzBudget } from "../../_support/fuzz_budget.ts";
import { toBytes, toText } from "../../_support/latin1.ts";
import { type ResponseSample, responseSamples } from "../../_support/response_samples.ts";
import { startSocketBackend } from "../../_support/socket_backend.ts";

interface Answer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Only an end in order tells that a body is whole which has no other end. */
function endsConnection({ selfDelimited, persistent }: ResponseSample): boolean {
  return !selfDelimited || !persistent;
}

async function askFetch(url: string, method: string): Promise<Answer> {
  const response = await fetch(url, { method, redirect: "manual" });
  return { status: response.status, fields: [...response.headers], body: toText(await response.bytes()) };
}

const transport = http1Transport();

async function askTransport(origin: string, method: string): Promise<Answer> {
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

function expected({ status, lines, body }: ResponseSample): Answer {
  return {
    status,
    fields: [...new Headers(lines.map(([name, value]: HeaderLine): [string, string] => [name, value]))],
    body,
  };
}

Deno.test("http1Transport() and fetch get the same from a backend that answers validly", async () => {
  let current: ResponseSample | undefined;
  await using backend = await startSocketBackend(async (_request, connection) => {
    await connection.write(toBytes(current!.text));
    if (endsConnection(current!)) connection.close();
  });
  await fc.assert(
    fc.asyncProperty(responseSamples(), async (sample) => {
      current = sample;
      const ours = await askTransport(backend.url, sample.method);
      assertEquals(ours, expected(sample));
      assertEquals(await askFetch(backend.url, sample.method), ours);
    }),
    fuzzBudget(100),
  );
});
