/** The sentences of `conductor explain` about shadow requests. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import { runCommandLine } from "../../src/cli/main.ts";
import { explainShadow } from "../../src/cli/explain_shadow.ts";
import type { HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { stableHash } from "../../src/lib/stable_hash.ts";
import { tempConfig } from "../_support/cli_process.ts";
import { createTestIo } from "../_support/test_io.ts";

/** Two users, one in the 50 % of the shadow "mirror", the other outside. */
const [INSIDE, OUTSIDE] = ["in", "out"].map((side) => {
  const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  return users.find((user) => (stableHash("mirror", user) < 0.5) === (side === "in"))!;
}) as [string, string];

const STICKY = { rate: 0.5, by: "header:x-user" };
const PUT_64K = { method: "PUT", contentLength: 65_536 };

interface Asked {
  readonly method?: string;
  readonly contentLength?: number | undefined;
  readonly headers?: readonly HeaderLine[];
  readonly path?: string;
  readonly query?: string;
}

function textFor(
  fields: Partial<ServiceInput>,
  { method = "GET", contentLength, headers = [], path = "/", query = "" }: Asked,
): string {
  const { config } = validateConfig({
    services: [{ name: "main", url: "http://a" }, { name: "mirror", url: "http://localhost", shadow: true, ...fields }],
  });
  const service = config.services[1]!;
  const { text, mayBeSent } = explainShadow(
    { service, policy: service.shadow! },
    { method, contentLength, headers, authority: "h", path, query },
    () => false,
  );
  assertEquals(mayBeSent, !text.startsWith("not mirrored"));
  return text;
}

function userLine(name: string): HeaderLine[] {
  return [["X-User", name]];
}

// Columns: the fields of the shadow; the request; the explanation.
const NOTES: readonly (readonly [fields: Partial<ServiceInput>, asked: Asked, text: string])[] = [
  [{}, {}, "mirrored, never waited for; up to 64 in flight"],
  [{ maxInFlight: 5, maxRate: 0.5 }, {}, "mirrored, never waited for; up to 5 in flight, 0.5 per second"],
  [{ sample: 0 }, {}, "not mirrored: the ratio is 0"],
  [{ sample: "10%" }, {}, "gets 1 of 10 requests; up to 64 in flight"],
  [{ sample: 0.001 }, {}, "gets 1 of 1,000 requests; up to 64 in flight"],
  [{ sample: 1 / 3 }, {}, "gets 1 of 3 requests; up to 64 in flight"],
  [{ sample: "12.5%" }, {}, "gets 1 of 8 requests; up to 64 in flight"],
  [{ sample: 0.3 }, {}, "gets 3 of 10 requests; up to 64 in flight"],
  [
    { ramp: { from: "1%", over: "30m" } },
    {},
    "gets 1 of 100 requests at first, all requests after 30 min; up to 64 in flight",
  ],
  [{ methods: ["GET", "HEAD"] }, { method: "POST" }, "not mirrored: POST is not one of GET, HEAD"],
  [{ maxBodySize: "10KiB" }, PUT_64K, "not mirrored: its body is larger than 10 KiB"],
  [{ maxBodySize: 1_000 }, PUT_64K, "not mirrored: its body is larger than 1,000 bytes"],
  [{ maxBodySize: "64KiB" }, PUT_64K, "mirrored, never waited for; up to 64 in flight"],
  [
    { maxBodySize: "1MiB" },
    { method: "PUT" },
    "mirrored, never waited for; up to 64 in flight; a body up to 1 MiB",
  ],
  [{ body: false }, PUT_64K, "mirrored, never waited for; up to 64 in flight; without its body"],
  [
    { credentials: false },
    { headers: [["Cookie", "sid=1"], ["accept", "*/*"], ["Authorization", "x"]] },
    "mirrored, never waited for; up to 64 in flight; without authorization, cookie",
  ],
  [
    { credentials: false, removeHeaders: ["x-user"] },
    {
      headers: [["X-User", "ada"], ["X_Api_Key", "k"], ["Idempotency-Key", "i"]],
      path: "/cart;jsessionid=AB/x",
      query: "?a=1&%74oken=x",
    },
    "mirrored, never waited for; up to 64 in flight; without x-user, x_api_key, parameter jsessionid, parameter %74oken",
  ],
  [{ sample: STICKY }, {}, 'not mirrored: it has no header "x-user"'],
  [{ sample: { by: "cookie:sid" } }, {}, 'not mirrored: it has no cookie "sid"'],
  [{ sample: { by: "ip" } }, {}, "not mirrored: the client's address is not known"],
  [{ sample: STICKY }, { headers: userLine(OUTSIDE) }, "not mirrored: this client is not in the 50 % of clients"],
  [
    { sample: STICKY },
    { headers: userLine(INSIDE) },
    "mirrored: this client is in the 50 % of clients; up to 64 in flight",
  ],
];

for (const [fields, asked, text] of NOTES) {
  Deno.test(`explainShadow() returns "${text}" for ${JSON.stringify(fields)}`, () => {
    assertEquals(textFor(fields, asked), text);
  });
}

Deno.test("explainShadow() says when a ramp reaches a client", () => {
  const waitS = stableHash("mirror", INSIDE) * 50;
  const text = textFor({ sample: { by: "header:x-user" }, ramp: { over: 50 } }, { headers: userLine(INSIDE) });
  const [, said] =
    /^mirrored once the ramp has run for ([\d.]+) s: this client is in the 100 % of clients;/.exec(text) ?? [];
  assert(Math.abs(Number(said) - waitS) < 0.01, `${text} ${waitS}`);
  const ramp = { from: 0.5, over: 50 };
  assertMatch(
    textFor({ sample: { by: "header:x-user" }, ramp }, { headers: userLine(INSIDE) }),
    /^mirrored: this client/,
  );
});

const CONFIG = `\
trustProxy: 10.0.0.0/8
services:
  - { name: main, url: "http://localhost:8081", pathPrefix: /api, primary: true }
  - { name: users, url: "http://localhost:8082", pathPrefix: /api, shadow: true, sample: { by: "cookie:sid" } }
  - { name: mirror, url: "http://localhost:8083", pathPrefix: /api, shadow: true, sample: { rate: 50%, by: ip }, maxBodySize: 1MiB }
`;

async function explain(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  await using file = await tempConfig(CONFIG);
  const io = createTestIo();
  const code = await runCommandLine(["explain", ...args, "-c", file.path], io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

Deno.test("explain describes each shadow, and the wait for the other services", async () => {
  const { code, stdout } = await explain("/api/x", "-H", "Cookie: a=b; sid=7", "--body-size", "2MiB");
  assertEquals(code, 0);
  assertMatch(stdout, /main +primary .* waited for up to 30 s, response used\n/);
  assertMatch(stdout, /users +shadow .* mirrored: this client is in the 100 % of clients; up to 64 in flight\n/);
  assertMatch(stdout, /mirror +shadow .* not mirrored: its body is larger than 1 MiB\n/);
  assertStringIncludes(stdout, "Mirrors the request to users, without waiting for a response.\n");
});

Deno.test("explain does not mention shadows if none would get the request", async () => {
  const { stdout } = await explain("POST", "/api/x");
  assertMatch(stdout, /users .* not mirrored: it has no cookie "sid"\n/);
  assertMatch(stdout, /mirror .* not mirrored: the client's address is not known\n/);
  assert(!stdout.includes("Mirrors"));
});

Deno.test("explain identifies a client by its address, and trusts the fields of a trusted proxy", async () => {
  const noteFor = async (...args: string[]) => {
    const { stdout } = await explain("/api/x", ...args);
    return /mirror +shadow +\S+ +(.*)\n/.exec(stdout)?.[1];
  };
  const direct = await Promise.all(
    ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((client) => noteFor("--client", client)),
  );
  const proxied = await Promise.all(
    ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((client) =>
      noteFor("--client=10.0.0.1", "--header", `X-Forwarded-For: ${client}`)
    ),
  );
  assertEquals(direct, proxied);
  assertEquals(new Set(direct).size, 2);
});

// Columns: the arguments; the message.
const MISTAKES: readonly (readonly [args: readonly string[], message: string])[] = [
  [["/", "--header", "x-user"], '`--header` must be like "X-User: ada": found "x-user"'],
  [["/", "-H", "a b: c"], '`--header` must be like "X-User: ada": found "a b: c"'],
  [["/", "--body-size", "big"], '`--body-size` must be a size in bytes, or like 64KiB or 10MiB: found "big"'],
  [["/", "--client", "localhost"], '`--client` must be an IP address: found "localhost"'],
  [["/", "--header"], "`--header` must have a value: --header 'NAME: VALUE'"],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`explain ${args.join(" ")} exits with 2 and a message`, async () => {
    const { code, stdout, stderr } = await explain(...args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, `error: ${message}`);
  });
}

Deno.test("check accepts no flags of a request", async () => {
  const io = createTestIo();
  assertEquals(await runCommandLine(["check", "--client", "192.0.2.1"], io), 2);
  assertStringIncludes(io.stderr.text, "`check` has no flag `--client`");
});
