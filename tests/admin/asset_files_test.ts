import { assertEquals } from "@std/assert";
import { readAsset } from "../../src/admin/asset_files.ts";
import { ASSETS } from "../../src/admin/assets.ts";

Deno.test("readAsset() returns every file of the dashboard as the import of its text does", async () => {
  for (const asset of ASSETS) assertEquals(await readAsset(asset.path), asset);
});

Deno.test("readAsset() returns nothing for other paths, inside the folder and outside of it", async () => {
  for (
    const path of ["/assets/none.js", "/assets/index.html", "/assets/../access.ts", "/index.html", "//", "/assets/"]
  ) {
    assertEquals(await readAsset(path), undefined, path);
  }
});
