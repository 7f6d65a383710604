/** Login at the admin listener, in a real browser. */

import { assertEquals, assertMatch } from "@std/assert";
import { pageTest, visit } from "../_support/page_test.ts";
import { startBackend } from "../_support/servers.ts";
import { startWatched } from "../_support/cli_process.ts";

const TOKEN = "a-token-of-some-length";

pageTest("a browser logs in with a form, sends the cookie to no other server, and logs out", async () => {
  await using backend = startBackend();
  await using conductor = await startWatched([{ name: "a", url: backend.url }], { admin: { port: 0, token: TOKEN } });
  const { adminUrl, url } = conductor;
  await using visited = await visit(adminUrl);
  const { page, requests } = visited;
  assertEquals(await page.evaluate(`getComputedStyle(document.querySelector("main")).borderRadius`), "12px");
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("Invalid token").waitFor();
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("#connection[data-status=live]").waitFor();
  assertMatch(page.url(), /\/session-[0-9a-f]{32}\/$/);
  const posted = await page.evaluate(
    `fetch("api/noise", { method: "POST", headers: { "content-type": "application/json" }, ` +
      `body: '{"route":"path /","path":"$.a"}' }).then(({ status }) => status)`,
  );
  assertEquals(posted, 200);

  const dashboard = page.url();
  await page.goto(url);
  assertEquals(backend.seen[0]?.headers.get("cookie"), null);
  // The browser sends the cookie here, because this is the path of the session. The data port removes it.
  await page.goto(url + new URL(dashboard).pathname);
  assertEquals(backend.seen.at(-1)?.headers.get("cookie"), null);

  await page.goto(dashboard);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Token").waitFor();
  await page.goto(dashboard);
  await page.getByLabel("Token").waitFor();
  assertEquals(requests.filter((request) => request.includes(TOKEN)), []);
});

pageTest("a token in the URL is gone from the address bar at once", async () => {
  await using backend = startBackend();
  await using conductor = await startWatched([{ name: "a", url: backend.url }], { admin: { port: 0, token: TOKEN } });
  await using visited = await visit(`${conductor.adminUrl}?token=${TOKEN}`);
  await visited.page.locator("#connection[data-status=live]").waitFor();
  assertMatch(visited.page.url(), /\/session-[0-9a-f]{32}\/$/);
  assertEquals(visited.complaints, []);
});
