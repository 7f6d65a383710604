import { assertEquals } from "@std/assert";
import { INPUT_FILE, inputTypes } from "../../tools/config_input.ts";

Deno.test("src/config/input.ts is up to date", async () => {
  assertEquals(await Deno.readTextFile(INPUT_FILE), inputTypes(), "run: deno task docs");
});
