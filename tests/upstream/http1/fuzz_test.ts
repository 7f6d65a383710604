/**
 * Fuzz tests of the HTTP/1.1 client: valid, truncated, mutated and random responses in pieces of any size, and request
 * parts that would split a request in two. `deno task fuzz` runs them for longer with a new seed; the environment
 * variables FUZZ_SEED and FUZZ_SECONDS set both.
 */

import { assert, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { UpstreamFailure } from "../../../src/upstream/transport.ts";
import { encodeRequestHead } from "../../../src/upstream/http1/request_head.ts";
import { fuzzBudget } from "../../_support/seeded_random.ts";
import { toText } from "../../_support/latin1.ts";
import { readReference } from "../../_support/reference_response.ts";
import { type ResponseSample, responseSamples } from "../../_support/response_samples.ts";
import { exchangeAll, exchangeOnce, type ExchangeResult } from "../../_support/scripted_exchange.ts";

const METHOD = fc.constantFrom("GET", "GET", "GET", "HEAD", "POST");
const CUTS = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 8 });

/** Inserted anywhere: parts of lines, numbers and codings. */
const SNIPPET = fc.oneof(
  fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 3 }),
  fc.constantFrom(
    ..."\r|\n|\r\n|\r\n\r\n|\0| |\t|:|,|;|0|1|f|F|-|+|x|_|\xa0|\x85|chunked|HTTP/1.1 200 OK\r\n\r\n|0\r\n\r\n".split(
      "|",
    ),
  ),
);
/** Inserted after a line end: header lines of an attacker. */
const LINE = fc.constantFrom(
  ..."Content-Length: 3|Content-Length: 5,|content-length: 0|Content-Length: 4, 4|Content-Length:\xa04".split("|"),
  ..."Content-Length:|Content-Length: +4|Content-Length: 4 4|Content-Length: ,4|Content-Length: 007".split("|"),
  ..."Transfer-Encoding: chunked|Transfer-Encoding: gzip, chunked|Transfer-Encoding:\x0bchunked".split("|"),
  ..."Transfer-Encoding:\xa0chunked|Transfer-Encoding : chunked|Transfer-Encoding:|Transfer-Encoding: ,chunked".split(
    "|",
  ),
  ..."Connection: close|Connection: keep-alive|Content-Length : 3| folded: 1|HTTP/1.1 100 Continue\r\n|HTTP/1.1 101 X\r\n"
    .split("|"),
).map((line) => `${line}\r\n`);

/** A valid response with inserted and overwritten parts. */
const MUTATED = fc.tuple(
  responseSamples({ small: true }),
  fc.array(fc.tuple(fc.nat({ max: 1_000 }), fc.nat({ max: 4 }), SNIPPET), { maxLength: 3 }),
  fc.array(fc.tuple(fc.nat({ max: 20 }), LINE), { maxLength: 2 }),
).map(([{ method, text }, edits, lines]) => {
  for (const [place, line] of lines) {
    const ends = [...text.matchAll(/\n/g)];
    const at = ends[place % ends.length]!.index + 1;
    text = text.slice(0, at) + line + text.slice(at);
  }
  for (const [place, over, snippet] of edits) {
    const at = place % (text.length + 1);
    text = text.slice(0, at) + snippet + text.slice(at + over);
  }
  return { method, text };
});

/** Arbitrary text after the beginning of a response. */
const RANDOM = fc.tuple(
  METHOD,
  fc.constantFrom("", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
  fc.array(fc.oneof(SNIPPET, LINE), { maxLength: 30 }),
).map(([method, start, snippets]) => ({ method, text: start + snippets.join("") }));

/** Splits a text into pieces. */
function splitAt(text: string, cuts: readonly number[]): string[] {
  const places = [...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  return places.map((place, index) => text.slice(places[index - 1] ?? 0, place));
}

function resultOf({ status, headers, body, isPersistent }: ResponseSample): ExchangeResult {
  return { status, headers, body, isReusable: isPersistent };
}

function endOf({ isSelfDelimited }: ResponseSample): "open" | "close" {
  return isSelfDelimited ? "open" : "close";
}

/** The pieces decide whether a failure occurs before or within the body, but not its kind. */
function outcome(result: ExchangeResult): unknown {
  return "failure" in result ? result.failure : result;
}

Deno.test("a valid response has the same result wherever it is split in two, and byte by byte", async () => {
  await fc.assert(
    fc.asyncProperty(responseSamples({ small: true }), async (sample) => {
      const options = { method: sample.method, end: endOf(sample) };
      assertEquals(readReference(sample.text, sample.method), resultOf(sample));
      assertEquals(await exchangeOnce([...sample.text], options), resultOf(sample));
      for (let at = 0; at < sample.text.length; at++) {
        const pieces = [sample.text.slice(0, at), sample.text.slice(at)];
        assertEquals(await exchangeOnce(pieces, options), resultOf(sample), `split at ${at}`);
      }
    }),
    fuzzBudget(20),
  );
});

Deno.test("a valid response has the same result in pieces of any size", async () => {
  await fc.assert(
    fc.asyncProperty(responseSamples(), CUTS, async (sample, cuts) => {
      const options = { method: sample.method, end: endOf(sample) };
      assertEquals(await exchangeOnce(splitAt(sample.text, cuts), options), resultOf(sample));
    }),
    fuzzBudget(200),
  );
});

Deno.test("consecutive responses on a connection are separated correctly", async () => {
  const samples = fc.array(fc.tuple(responseSamples(), CUTS), { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(samples, async (samples) => {
      const scripts = samples.map(([{ method, text }, cuts]) => ({ method, pieces: splitAt(text, cuts) }));
      const used = samples.findIndex(([sample]) => !sample.isPersistent);
      const expected = samples.slice(0, used === -1 ? undefined : used + 1).map(([sample]) => resultOf(sample));
      // The end of a connection between two responses looks the same as an end of the first response.
      const isOpen = samples.slice(0, expected.length).every(([sample]) => sample.isSelfDelimited);
      assertEquals(await exchangeAll(scripts.slice(0, expected.length), isOpen ? "open" : "close"), expected);
    }),
    fuzzBudget(80),
  );
});

Deno.test("bytes after a response do not change it, but its connection is closed", async () => {
  const trailing = fc.oneof(
    SNIPPET.filter((text) => text !== ""),
    LINE,
    responseSamples({ small: true }).map(({ text }) => text),
  );
  await fc.assert(
    fc.asyncProperty(
      responseSamples().filter(({ isSelfDelimited }) => isSelfDelimited),
      trailing,
      CUTS,
      async (sample, more, cuts) => {
        // Sent together with the last byte of the response: later, they might arrive during the next exchange.
        const end = sample.text.length - 1;
        const pieces = [...splitAt(sample.text.slice(0, end), cuts), sample.text.slice(end) + more];
        const result = await exchangeOnce(pieces, { method: sample.method, end: "open" });
        assertEquals(result, { ...resultOf(sample), isReusable: false });
      },
    ),
    fuzzBudget(200),
  );
});

Deno.test("a truncated response never looks complete", async () => {
  const ends = fc.constantFrom<("close" | "reset")[]>("close", "reset");
  await fc.assert(
    fc.asyncProperty(responseSamples(), fc.nat({ max: 1_000_000 }), CUTS, ends, async (sample, place, cuts, end) => {
      const text = sample.text.slice(0, place % sample.text.length);
      const result = await exchangeOnce(splitAt(text, cuts), { method: sample.method, end });
      const bodyAt = sample.text.length - sample.body.length;
      // A body that the end of the connection delimits may be incomplete without notice (RFC 9112 §8).
      if (!sample.isSelfDelimited && text.length >= bodyAt && end === "close") return;
      assert("failure" in result);
      assertEquals(result.failure, "reset");
      assert(result.deliveredBytes <= sample.body.length);
    }),
    fuzzBudget(200),
  );
});

for (const [kind, responses, runs] of [["mutated", MUTATED, 800], ["random", RANDOM, 700]] as const) {
  Deno.test(`a ${kind} response is read as RFC 9112 requires, or fails, in pieces of any size`, async () => {
    await fc.assert(
      fc.asyncProperty(responses, CUTS, async ({ method, text }, cuts) => {
        const reference = readReference(text, method);
        const closed = await exchangeOnce([text], { method, end: "close" });
        if ("failure" in closed) {
          assertEquals(reference, undefined, `fails with ${closed.failure}`);
          assert(closed.deliveredBytes <= text.length);
        } else {
          // The backend has closed.
          assertEquals(closed, reference && { ...reference, isReusable: false });
        }
        const pieces = splitAt(text, cuts);
        assertEquals(outcome(await exchangeOnce(pieces, { method, end: "close" })), outcome(closed));
        const open = await exchangeOnce(pieces, { method, end: "open" });
        if (!("failure" in open)) assertEquals(open, reference);
        else assert(open.failure === "waiting" || "failure" in closed);
        assertEquals("failure" in open || !open.isReusable, reference?.isReusable !== true);
      }),
      fuzzBudget(runs),
    );
  });
}

const CHARACTER = fc.constantFrom(..."\r\n\r\n\0\t :/a1\x7f\x80\x85\xa0\xff\u010a\u010d\u20ac\u2028\ud800\udc00");
const PART = fc.string({
  unit: fc.oneof({ weight: 9, arbitrary: fc.constantFrom("a", "b", ":") }, CHARACTER),
  maxLength: 9,
});

Deno.test("encodeRequestHead() writes exactly the given lines, or refuses the request", () => {
  const headers = fc.array(fc.tuple(fc.oneof(fc.constant("te"), PART), PART), { maxLength: 4 });
  fc.assert(
    fc.property(PART, PART, PART, headers, fc.nat({ max: 128 }), (method, target, host, headers, room) => {
      const { signal } = new AbortController();
      const request = { method, origin: "", target, host, headers, body: null, signal };
      const expected = [`${method} ${target} HTTP/1.1`, `host: ${host}`];
      for (const [name, value] of headers) {
        expected.push(`${name}: ${value}`, ...name === "te" ? ["connection: te"] : []);
      }
      const isClean = /^[\t\x20-\xff]*$/.test(expected.join(""));
      try {
        const text = toText(encodeRequestHead(request, "", new Uint8Array(room)));
        assert(isClean);
        assertEquals(text.split("\r\n"), [...expected, "", ""]);
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) throw error;
        assert(!isClean);
      }
    }),
    fuzzBudget(500),
  );
});
