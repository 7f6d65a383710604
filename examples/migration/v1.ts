/** The old version of the shop: `deno run --allow-net examples/migration/v1.ts [PORT]` */
import { serveShop } from "./shop.ts";

serveShop({
  port: Number(Deno.args[0] ?? 8081),
  priceField: "unit_price",
  soldOut: 410,
  total: (cents) => cents / 100,
});
