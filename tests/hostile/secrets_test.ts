/** Secrets planted in every position of requests and responses. No output or record of conductor may contain one. */

import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { attackTest, IS_FULL, underAttack } from "../_support/attack.ts";
import { startCollector } from "../_support/collector.ts";
import { startCli, startWatched, tempConfig, type WatchedConductor } from "../_support/cli_process.ts";
import { startBackend, startConductor } from "../_support/servers.ts";

/** Does not occur in conductor's own texts. It has only characters that are valid in every position. */
const PLANTED = "p1antedC0FFEE";
const JWT = `eyJ${PLANTED}.eyJ${PLANTED}.${PLANTED}`;

const TARGETS: readonly string[] = [
  `/json?access_token=${PLANTED}&page=2`,
  `/text?%74oken=${PLANTED}&code=${PLANTED}`,
  `/html?X-Amz-Credential=${PLANTED}&X-Amz-Signature=${PLANTED}&user[password]=${PLANTED}`,
  `/xml;jsessionid=${PLANTED}/a?next=%2Fcb%3Fcode%3D${PLANTED}`,
  `/form/reset-token/${PLANTED}?sig=${PLANTED}&se=1`,
  `/lines/${JWT}?key=${PLANTED}`,
];

const REQUEST_HEADERS: Readonly<Record<string, string>> = {
  authorization: `Bearer ${PLANTED}`,
  cookie: `a=${PLANTED}; sid=${PLANTED}`,
  x_api_key: PLANTED,
  "private-token": PLANTED,
  "x-vault-token": PLANTED,
  "x-amzn-oidc-data": JWT,
  "ocp-apim-subscription-key": PLANTED,
  "x-ssl-client-cert": PLANTED,
  "x-jwt": JWT,
  "x-session-id": PLANTED,
  referer: `https://jo:${PLANTED}@example.com/a;jsessionid=${PLANTED}/b?token=${PLANTED}&x=1`,
  "x-original-url": `/a?code=${PLANTED}&x=1`,
};

/** Every body has the same secrets and one word that differs, so that samples of it are kept. */
const BODIES: Readonly<Record<string, (word: string) => readonly [type: string, body: string]>> = {
  json: (word) => [
    "application/json",
    JSON.stringify({
      tokens: [PLANTED + word, { a: PLANTED }],
      sid: PLANTED + word,
      session_key: PLANTED,
      tokenValue: { deep: [PLANTED + word] },
      passcode: word === "old" ? PLANTED : [PLANTED],
      nested: JSON.stringify({ word, secretAnswer: PLANTED, inner: JSON.stringify({ auth: PLANTED, word }) }),
      [JWT]: word,
      url: `https://s3.example/a?X-Amz-Signature=${PLANTED}&word=${word}`,
      pem: `-----BEGIN PRIVATE KEY-----\n${PLANTED}${word}\n-----END PRIVATE KEY-----`,
      note: `use Bearer ${PLANTED}${word}`,
      added: word === "old" ? undefined : { key: PLANTED, signature: PLANTED },
    }),
  ],
  text: (word) => ["text/plain", `${word} password: ${PLANTED} ${PLANTED}\n`],
  html: (word) => [
    "text/html",
    `<meta name="csrf-token" content="${PLANTED}"><form><input type="password" name="p" value="${PLANTED}">` +
    `<input type=hidden name=_csrf value=${PLANTED}><p data-word="${word}" data-token="${PLANTED}">x</p></form>`,
  ],
  xml: (
    word,
  ) => ["application/xml", `<a><password>${PLANTED}</password><b>${word}</b><api-key>${PLANTED}</api-key></a>`],
  form: (word) => ["application/x-www-form-urlencoded", `code=${PLANTED}${word}&user%5Bpin%5D=${PLANTED}&word=${word}`],
  lines: (word) => ["text/plain", `-----BEGIN PRIVATE KEY-----\n${PLANTED}${word}\n-----END PRIVATE KEY-----\n`],
};

function respond(word: string): (request: Request) => Response {
  return ({ url }) => {
    const [, kind = ""] = /^\/(\w+)/.exec(new URL(url).pathname) ?? [];
    const [type, body] = BODIES[kind]!(word);
    return new Response(body, {
      headers: {
        "content-type": type,
        location: `/cb?code=${PLANTED}&word=${word}`,
        link: `<https://x/?sig=${PLANTED}>; rel="${word}"`,
        refresh: `5; url=/x?access_token=${PLANTED}&word=${word}`,
        "set-cookie": `sid=${PLANTED}${word}`,
        "x-auth-token": PLANTED + word,
        "x-plain": word,
      },
    });
  };
}

async function send(url: string): Promise<void> {
  for (const target of TARGETS) {
    const response = await fetch(url + target, { headers: REQUEST_HEADERS, redirect: "manual" });
    await response.body?.cancel();
  }
}

async function getText(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

/** Polls until every request has been compared and recorded. */
async function shownBy({ adminUrl }: WatchedConductor): Promise<string> {
  for (;;) {
    const mismatches = await getText(`${adminUrl}api/mismatches`);
    const exchanges = await getText(`${adminUrl}api/exchanges`);
    const isDone = mismatches.trim().split("\n").length >= TARGETS.length &&
      JSON.parse(exchanges).exchanges.length >= TARGETS.length;
    if (!isDone) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    const paths = ["api/state", "api/report", "api/report?format=markdown", "api/noise", "config", "metrics"];
    const others = await Promise.all(paths.map((path) => getText(adminUrl + path)));
    return [mismatches, exchanges, ...others].join("\n");
  }
}

for (const samples of ["values", "bodies"]) {
  Deno.test(`no admin page and no log line at debug shows a planted secret, with samples: ${samples}`, async () => {
    await using old = startBackend(respond("old"));
    await using fresh = startBackend(respond("new"));
    const headers = ["location", "link", "refresh", "set-cookie", "x-auth-token", "x-plain"];
    await using target = await startWatched(
      [{ name: "old", url: old.url, primary: true }, { name: "fresh", url: fresh.url, shadow: true }],
      { compare: { samples, headers, noise: "off" }, logging: { level: "debug" } },
    );
    await send(target.url);
    const shown = await shownBy(target);
    assertStringIncludes(shown, "[redacted ");
    assertStringIncludes(shown, '"x-plain","new"');
    for (const line of shown.split("\n")) assert(!line.includes(PLANTED), line);
    target.process.kill("SIGTERM");
    await target.process.exited;
    const log = target.process.stdout.text + target.process.stderr.text;
    assertStringIncludes(log, "jsessionid=[redacted]/a");
    for (const line of log.split("\n")) assert(!line.includes(PLANTED), line);
  });
}

Deno.test("no span has a planted secret", async () => {
  await using backend = startBackend(respond("old"));
  await using collector = startCollector();
  await using file = await tempConfig(
    JSON.stringify({ port: 0, hostname: "127.0.0.1", services: [{ name: "a", url: backend.url }] }),
  );
  await using child = startCli(["--config", file.path, "--log-format", "json"], { env: collector.env });
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  await send(url);
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  const servers = collector.spans.filter(({ kind }) => kind === "server");
  assertEquals(servers.length, TARGETS.length);
  for (const { attributes } of collector.spans) {
    assert(!JSON.stringify(attributes).includes(PLANTED), JSON.stringify(attributes));
  }
});

Deno.test("an observer that prints every event prints no planted secret", async () => {
  await using backend = startBackend(respond("old"));
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  await send(front.url);
  await front.event(({ type }) => type === "responded");
  assertEquals(front.events.filter(({ type }) => type === "responded").length, TARGETS.length);
  assert(!JSON.stringify(front.events).includes(PLANTED));
});

Deno.test("a shadow with credentials: false gets planted secrets only in path segments, and the rest byte for byte", async () => {
  await using main = startBackend(respond("old"));
  await using bare = startBackend(respond("old"));
  await using front = startConductor({
    services: [
      { name: "main", url: main.url },
      { name: "bare", url: bare.url, shadow: true, credentials: false, headers: { "X-Api-Key": "staging" } },
    ],
  });
  await send(front.url);
  await bare.received(TARGETS.length);
  assertEquals(main.seen.map(({ target }) => target), TARGETS);
  assertEquals(bare.seen.map(({ target }) => target), [
    "/json?page=2",
    "/text",
    "/html",
    `/xml/a?next=%2Fcb%3Fcode%3D${PLANTED}`,
    `/form/reset-token/${PLANTED}?se=1`,
    `/lines/${JWT}`,
  ]);
  for (const { headers } of bare.seen) {
    assert(!JSON.stringify([...headers]).includes(PLANTED), JSON.stringify([...headers]));
    assertEquals(headers.get("x-api-key"), "staging");
    assertEquals(headers.get("referer"), "https://example.com/a/b?x=1");
  }
});

/** Texts that a careless search would scan repeatedly, as responses that differ at their end. */
const HOSTILE = [
  "token: ",
  '<a b="',
  "-eyJ",
  "eyJaaaaa.",
  '{"token":{',
  "//a@",
  "a%3D",
  "&quot;:",
  "key\n:",
  "/token/1",
];

attackTest({
  name: "responses made to slow down the search for secrets do not slow down other clients",
  async fn() {
    let sent = 0;
    const responder = (end: string) => ({ url }: Request) => {
      if (url.endsWith("/calm")) return new Response("calm");
      const pattern = HOSTILE[sent++ % HOSTILE.length]!;
      return new Response(pattern.repeat(500_000 / pattern.length) + end, {
        headers: { "content-type": "text/plain" },
      });
    };
    await using old = startBackend(responder("old"));
    await using fresh = startBackend(responder("new"));
    const { attacked, failures, growthMiB } = await underAttack(async ({ url }, signal) => {
      for (let count = 0; !signal.aborted && count < (IS_FULL ? 200 : 20); count++) {
        await (await fetch(`${url}/evil`)).body?.cancel();
      }
    }, {
      services: [{ name: "old", url: old.url, primary: true }, { name: "fresh", url: fresh.url, shadow: true }],
      config: { compare: { samples: "bodies" } },
    });
    assertEquals(failures, 0);
    assertLess(attacked.p50Ms, 250);
    assertLess(attacked.maxMs, 2_500);
    assertLess(growthMiB, 300);
  },
});
