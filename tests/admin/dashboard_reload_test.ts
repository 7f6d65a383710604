import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import { tempConfig } from "../_support/cli_process.ts";
import { pageTest, violationsOf, visit } from "../_support/page_test.ts";
import { startBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

pageTest(
  "the dashboard shows a refused reload with its reason and without secrets, until a reload is applied",
  async () => {
    await using backend = startBackend();
    const valid = `admin: { port: 0 }\nservices: [{ name: a, url: "${backend.url}" }]\n`;
    await using file = await tempConfig(valid);
    await using secret = await tempConfig("hunter2");
    const io = createTestIo();
    const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1"], io);
    const [, admin = ""] = await io.stdout.seen(/"admin":"(.*?)"/);
    await using visited = await visit(admin);
    const { page, complaints } = visited;
    const notice = page.locator("#reload-notice");
    await page.locator("#overview .figure").first().waitFor();
    assertEquals(await notice.isVisible(), false);

    await Deno.writeTextFile(file.path, valid.replace(" }]", `, timeout: "\${file:${secret.path}}" }]`));
    io.reload();
    await notice.waitFor();
    const text = await notice.innerText();
    assertStringIncludes(text, "was refused. The previous configuration is still in use.");
    assertStringIncludes(text, "services[0].timeout: must be a time");
    assertEquals((await page.content()).includes("hunter2"), false);
    assertEquals(await violationsOf(page), []);

    await Deno.writeTextFile(file.path, valid);
    io.reload();
    await notice.waitFor({ state: "hidden" });
    assertEquals(complaints, []);
    await page.close();
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  },
);
